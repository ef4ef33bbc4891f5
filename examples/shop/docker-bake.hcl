variable "REGISTRY" {
  default = "ghcr.io"
}

variable "IMAGE_PREFIX" {
  default = "example/shop"
}

variable "TAG" {
  default = "local"
}

variable "GITHUB_SHA" {
  default = ""
}

group "default" {
  targets = ["web", "celery", "celerybeat", "flower"]
}

target "_common" {
  context    = "."
  platforms  = ["linux/amd64"]
  cache-from = ["type=gha,scope=buildx-prod-v2"]
  cache-to   = ["type=gha,mode=max,scope=buildx-prod-v2"]
  args = {
    BUILDKIT_INLINE_CACHE = "1"
  }
}

target "web" {
  inherits   = ["_common"]
  dockerfile = "docker/web.Dockerfile"
  target     = "web"
  tags       = ["${REGISTRY}/${IMAGE_PREFIX}-web:build-${TAG}", "${REGISTRY}/${IMAGE_PREFIX}-web:latest"]
}

target "celery" {
  inherits   = ["_common"]
  dockerfile = "docker/celery.Dockerfile"
  tags       = ["${REGISTRY}/${IMAGE_PREFIX}-celery:build-${TAG}", "${REGISTRY}/${IMAGE_PREFIX}-celery:latest"]
}

target "celerybeat" {
  inherits   = ["_common"]
  dockerfile = "docker/celerybeat.Dockerfile"
  tags       = ["${REGISTRY}/${IMAGE_PREFIX}-celerybeat:build-${TAG}", "${REGISTRY}/${IMAGE_PREFIX}-celerybeat:latest"]
}

target "flower" {
  inherits   = ["_common"]
  dockerfile = "docker/flower.Dockerfile"
  tags       = ["${REGISTRY}/${IMAGE_PREFIX}-flower:build-${TAG}", "${REGISTRY}/${IMAGE_PREFIX}-flower:latest"]
}

target "test" {
  inherits   = ["_common"]
  dockerfile = "docker/web.Dockerfile"
  target     = "test"
  cache-from = ["type=gha,scope=buildx-test-v2"]
  cache-to   = ["type=gha,mode=max,scope=buildx-test-v2"]
  tags       = ["${REGISTRY}/${IMAGE_PREFIX}-test:${TAG}"]
  args = {
    SKIP_CHROMIUM = "1"
  }
}
