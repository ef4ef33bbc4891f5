# syntax=docker/dockerfile:1
FROM python:3.13-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential curl gettext libpq-dev nodejs npm \
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv==0.9.9
