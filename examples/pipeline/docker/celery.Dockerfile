# syntax=docker/dockerfile:1
FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential curl gettext libpq-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /code
COPY requirements/ requirements/
RUN pip install --no-cache-dir uv==0.9.9 \
    && uv pip install --system -r requirements/base.txt
COPY . /code/
CMD ["celery", "--app", "journal", "worker", "--loglevel", "info"]
