"""The librarian's panel as a Django app."""

from django.contrib.admin.apps import AdminConfig


class LibraryAdminConfig(AdminConfig):
    """Django Admin on the library's own site class."""

    default_site = "library.site.LibraryAdminSite"
