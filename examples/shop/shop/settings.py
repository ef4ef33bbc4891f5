SECRET_KEY = "for the example only"
ROOT_URLCONF = "shop.urls"
