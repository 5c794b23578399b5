"""Addresses for tests of what happens around a page."""

from django.http import HttpResponse
from django.urls import include, path


def fail(request):
    raise RuntimeError("no more books")


def be_silent(request):
    return HttpResponse()


urlpatterns = [path("fails/", fail), path("silent/", be_silent), path("", include("library.urls"))]
