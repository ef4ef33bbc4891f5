variable "REGISTRY" {
  default = "ghcr.io"
}

variable "IMAGE_PREFIX" {
  default = "example/journal"
}

variable "TAG" {
  default = "local"
}

variable "GITHUB_SHA" {
  default = "local"
}

group "default" {
  targets = ["web", "celery", "celerybeat", "flower"]
}

target "_common" {
  context   = "."
  platforms = ["linux/amd64"]
  args = {
    BUILDKIT_INLINE_CACHE = "1"
    GIT_SHA               = GITHUB_SHA
  }
}

target "web" {
  inherits   = ["_common"]
  dockerfile = "docker/web.Dockerfile"
  tags = [
    "${REGISTRY}/${IMAGE_PREFIX}-web:build-${TAG}",
    "${REGISTRY}/${IMAGE_PREFIX}-web:${GITHUB_SHA}",
    "${REGISTRY}/${IMAGE_PREFIX}-web:latest",
  ]
}

target "celery" {
  inherits   = ["_common"]
  dockerfile = "docker/celery.Dockerfile"
  tags = [
    "${REGISTRY}/${IMAGE_PREFIX}-celery:build-${TAG}",
    "${REGISTRY}/${IMAGE_PREFIX}-celery:${GITHUB_SHA}",
    "${REGISTRY}/${IMAGE_PREFIX}-celery:latest",
  ]
}

target "celerybeat" {
  inherits   = ["_common"]
  dockerfile = "docker/celerybeat.Dockerfile"
  tags = [
    "${REGISTRY}/${IMAGE_PREFIX}-celerybeat:build-${TAG}",
    "${REGISTRY}/${IMAGE_PREFIX}-celerybeat:${GITHUB_SHA}",
    "${REGISTRY}/${IMAGE_PREFIX}-celerybeat:latest",
  ]
}

target "flower" {
  inherits   = ["_common"]
  dockerfile = "docker/flower.Dockerfile"
  tags = [
    "${REGISTRY}/${IMAGE_PREFIX}-flower:build-${TAG}",
    "${REGISTRY}/${IMAGE_PREFIX}-flower:${GITHUB_SHA}",
    "${REGISTRY}/${IMAGE_PREFIX}-flower:latest",
  ]
}

target "test" {
  inherits   = ["_common"]
  dockerfile = "docker/web.Dockerfile"
  tags       = ["${REGISTRY}/${IMAGE_PREFIX}-test:${TAG}"]
  args = {
    SKIP_CHROMIUM = "1"
  }
}
