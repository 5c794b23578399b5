"""The least a page of results can be in Django: what `benchmarks.search` measures the real one against.

A project of its own with the middleware of `startproject`, one view of two plain statements and one small template:
the first 5,000 hits ranked by `ts_rank` alone, 20 of them with title, year, publisher and names, the number of hits
and three facets (language, material, decade). No corrections, filters, availability, accounts or layout. Words come as
the tsquery that the real page makes of them, so that both find the same. `gunicorn benchmarks.bare_view:application`.
"""

import os
from typing import Any

import environ
from django.conf import settings
from django.http import HttpRequest, HttpResponse

if not settings.configured:
    settings.configure(
        SECRET_KEY="only-for-measuring",  # noqa: S106 # nobody signs in
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="benchmarks.bare_view",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [os.path.join(os.path.dirname(__file__), "templates")],
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DATABASES={
            "default": environ.Env.db_url_config(os.environ["DATABASE_URL"], engine="django.db.backends.postgresql")
            | {"CONN_MAX_AGE": 600, "OPTIONS": {"options": "-c jit=off -c random_page_cost=1.1 -c work_mem=16MB"}}
        },
        USE_TZ=True,
    )

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.shortcuts import render
from django.urls import path

_HITS = """
WITH hits AS MATERIALIZED (
    SELECT book_id, language, material_type, year / 10 * 10 AS decade,
           ts_rank('{0.1, 0.3, 0.8, 1}', words, %(words)s::tsquery) AS weight
    FROM catalog_searchentry WHERE words @@ %(words)s::tsquery LIMIT 5001)
SELECT (SELECT count(*) FROM hits),
       ARRAY(SELECT book_id FROM hits ORDER BY weight DESC, book_id DESC LIMIT 20),
       ARRAY(SELECT (language, count(*))::text FROM hits GROUP BY language ORDER BY count(*) DESC LIMIT 20),
       ARRAY(SELECT (material_type, count(*))::text FROM hits GROUP BY material_type ORDER BY count(*) DESC LIMIT 20),
       ARRAY(SELECT (decade, count(*))::text FROM hits GROUP BY decade ORDER BY count(*) DESC LIMIT 20)"""
_BOOKS = """
SELECT book.uid, book.title, book.year, publisher.name,
       ARRAY(SELECT author.name FROM catalog_contribution part JOIN catalog_author author ON author.id = author_id
             WHERE part.book_id = book.id ORDER BY position, part.id)
FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted (id, number)
JOIN catalog_book book USING (id) LEFT JOIN catalog_publisher publisher ON publisher.id = publisher_id
ORDER BY wanted.number"""


def results(request: HttpRequest) -> HttpResponse:
    """Twenty books, the number of hits and three facets for the tsquery `q`."""
    with connection.cursor() as cursor:
        cursor.execute(_HITS, {"words": request.GET["q"]})
        total, book_ids, *facets = cursor.fetchone()
        cursor.execute(_BOOKS, [book_ids])
        books = cursor.fetchall()
    context: dict[str, Any] = {
        "total": total,
        "books": books,
        "facets": [[value[1:-1].split(",") for value in facet] for facet in facets],
    }
    return render(request, "bare.html", context)


urlpatterns = [path("", results)]
application = get_wsgi_application()
