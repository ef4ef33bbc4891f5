# syntax=docker/dockerfile:1
FROM node:24-slim AS assets
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY static/src/ static/src/
RUN npm run build:js

FROM nginx:1.29-alpine
COPY --from=assets /build/static/ /usr/share/nginx/html/
