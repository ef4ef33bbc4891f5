ROOT_URLCONF = "journal.urls"
SECRET_KEY = "not secret"
STATIC_ROOT = "/code/static-root"
STATIC_URL = "static/"
