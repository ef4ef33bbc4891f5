# syntax=docker/dockerfile:1
FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FLOWER_UNAUTHENTICATED_API=true
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential chromium curl gettext libpq-dev nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /code
COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir uv==0.9.9 \
    && uv pip install --system -r requirements/base.txt
COPY . /code/
EXPOSE 5555
CMD ["celery", "--app", "shop", "flower", "--port", "5555"]
