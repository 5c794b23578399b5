"""How gunicorn serves the library, in `make run` as in the container. Read by `python -m gunicorn -c`.

Environment: HOST and PORT to listen on, WEB_CONCURRENCY workers, WEB_THREADS in each, LOG_JSON and LOG_LEVEL.
"""

import os

from library.core.logging import logging_config

_host = os.environ.get("HOST", "127.0.0.1")
bind = f"[{_host}]:{os.environ.get('PORT', '8000')}" if ":" in _host else f"{_host}:{os.environ.get('PORT', '8000')}"
wsgi_app = "library.wsgi:application"
workers = int(os.environ.get("WEB_CONCURRENCY") or max(2, os.cpu_count() or 1))
threads = int(os.environ.get("WEB_THREADS") or 1)
"""1: a worker serves one request at a time, which is the quickest behind a proxy that buffers. More: browsers may
connect directly, since an idle connection then blocks nobody."""
preload_app = True
timeout = 120
"""Seconds for one answer: a large file of records is read within one request."""
graceful_timeout = 20
max_requests = 10_000
max_requests_jitter = 1_000
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - memory, for heartbeats
logconfig_dict = logging_config(
    json=os.environ.get("LOG_JSON", "true").lower() in ("1", "true", "yes", "on"),
    level=os.environ.get("LOG_LEVEL", "INFO"),
)
