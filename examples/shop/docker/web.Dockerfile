# syntax=docker/dockerfile:1
FROM python:3.13-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential chromium curl gettext libpq-dev nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /code
COPY . /code/
RUN pip install --no-cache-dir uv==0.9.9 \
    && uv pip install --system -r requirements/base.txt
RUN npm ci --prefer-offline
RUN python -c "from pyppeteer import chromium_downloader; chromium_downloader.download_chromium()"
RUN python manage.py build_css \
    && python manage.py collectstatic --noinput

FROM base AS web
EXPOSE 8000
CMD ["gunicorn", "shop.wsgi", "--bind", "0.0.0.0:8000"]

FROM base AS test
RUN uv pip install --system -r requirements/test.txt
CMD ["python", "manage.py", "test"]
