# syntax=docker/dockerfile:1
FROM ghcr.io/example/journal-base:latest
ARG SKIP_CHROMIUM=0
ARG GIT_SHA
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GIT_SHA=$GIT_SHA
WORKDIR /code
COPY . /code/
RUN uv pip install --system -r requirements/base.txt
RUN npm ci --prefer-offline
RUN if [ "$SKIP_CHROMIUM" = "0" ]; then \
        python -c "from pyppeteer import chromium_downloader; chromium_downloader.download_chromium()"; \
    fi
RUN npm run build:js
RUN python manage.py build_css
RUN python manage.py collectstatic --noinput
EXPOSE 8000
CMD ["gunicorn", "journal.wsgi", "--bind", "0.0.0.0:8000"]
