group "default" { targets = ["base", "app"] }
target "base" {
  dockerfile = "base.Dockerfile"
  tags = ["ghcr.io/shop/base:1"]
}
target "app" {
  name = "app-${svc}-${replace(py, ".", "-")}"
  matrix = {
    svc = ["web", "worker", "beat", "flower", "admin", "api", "mail", "jobs", "search", "cron"]
    py = ["3.11", "3.12", "3.13", "3.14"]
  }
  contexts = { base = "target:base" }
  target = svc == "web" ? "web" : "worker"
  args = { PY = py }
  platforms = ["linux/amd64", "linux/arm64"]
  cache-from = ["type=registry,ref=ghcr.io/shop/cache:${svc}"]
  cache-to = ["type=registry,mode=max,ref=ghcr.io/shop/cache:${svc}"]
  tags = ["ghcr.io/shop/${svc}:${py}"]
}
