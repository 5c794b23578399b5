"""The WSGI entry point that gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")

application = get_wsgi_application()

# What is loaded stays for good: workers share it, and the garbage collector, which took a tenth of the time of a page,
# need not look through it again and again. Every address is loaded now, not by whoever asks first.
list(get_resolver().url_patterns)
gc.collect()
gc.freeze()
gc.set_threshold(5_000, 20, 20)
