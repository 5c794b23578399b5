"""Every address of the site; each app brings its own."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.autodiscover()

urlpatterns = [
    path("", include("catalog.urls")),
    path("", include("exchange.urls")),
    path("", include("cashdesk.urls")),
    path("", include("telegram.urls")),
    path("", include("webpush.urls")),
    path("my/reservations/", include("reservations.urls")),
    path("my/letters/", include("notifications.urls")),
    path("my/searches/", include("notifications.search_urls")),
    path("my/", include("circulation.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("readership.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/desk/", include("circulation.desk_urls")),
    path("admin/closings/", include("circulation.closing_urls")),
    path("admin/money/", include("cashdesk.money_urls")),
    path("admin/post/", include("post.urls")),
    path("admin/reserved/", include("reservations.staff_urls")),
    path("admin/reports/", include("reports.urls")),
    path("admin/stocktakes/", include("stocktaking.urls")),
    path("admin/", include("lookup.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("library.api_urls")),
    path(".well-known/change-password", RedirectView.as_view(pattern_name="account_change_password")),
    path("i18n/", include("django.conf.urls.i18n")),
]
