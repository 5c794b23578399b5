"""Library cards on paper: chosen readers, one card each."""

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Reader
from printing.faces import ReaderCard
from printing.forms import LayoutForm
from printing.sheets import as_pdf
from printing.stocks import Use

MOST_CARDS = 500
"""Cards of one file."""


class CardsForm(LayoutForm):
    """Whose cards, on which paper."""

    uses = (Use.CARD,)
    readers = forms.CharField(widget=forms.HiddenInput, max_length=20 * MOST_CARDS)

    def clean_readers(self) -> list[Reader]:
        """Readers that are there, by name."""
        parts = self.cleaned_data["readers"].split(",")
        keys = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= 18]
        found = list(Reader.objects.current().filter(pk__in=keys[:MOST_CARDS]).order_by("folded_name", "pk"))
        if not found:
            raise ValidationError(_("Choose the readers in the list first."))
        return found

    def cards(self) -> list[ReaderCard]:
        """One card a reader."""
        return [
            ReaderCard(library=settings.LIBRARY_NAME, name=reader.full_name, card_number=reader.card_number)
            for reader in self.cleaned_data["readers"]
        ]


class PrintsCards:
    """For the list of readers: cards of the chosen ones as a PDF."""

    admin_site: admin.AdminSite

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.cards_view)
        return [path("cards/", view, name="accounts_reader_cards"), *super().get_urls()]  # type: ignore[misc] # of ModelAdmin

    @admin.action(description=gettext_lazy("Print cards…"), permissions=["view"])
    def print_cards(self, request: HttpRequest, queryset: QuerySet[Reader]) -> TemplateResponse:
        """On to the paper."""
        chosen = queryset.order_by("folded_name", "pk").values_list("pk", flat=True)[:MOST_CARDS]
        return _page(request, CardsForm(initial={"readers": ",".join(map(str, chosen))}, session=request.session))

    def cards_view(self, request: HttpRequest) -> HttpResponse:
        """Which paper; then the PDF."""
        if not request.user.has_perm("accounts.view_reader"):
            raise PermissionDenied
        if request.method != "POST":
            initial = {"readers": request.GET.get("readers", "")[:40]}
            return _page(request, CardsForm(initial=initial, session=request.session))
        form = CardsForm(request.POST, session=request.session)
        if not form.is_valid():
            return _page(request, form)
        content = as_pdf(form.cards(), form.layout(), title=_("Library cards"))
        headers = {"Content-Disposition": 'attachment; filename="cards.pdf"'}
        return HttpResponse(content, content_type="application/pdf", headers=headers)


def _page(request: HttpRequest, form: CardsForm) -> TemplateResponse:
    value = str(form["readers"].value() or "")
    context = admin.site.each_context(request) | {
        "opts": Reader._meta,
        "title": _("Print cards"),
        "form": form,
        "count": len(value.split(",")) if value else 0,
    }
    return TemplateResponse(request, "admin/accounts/reader/cards.html", context)
