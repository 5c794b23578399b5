"""The list of stocktakes on the panel, and the form that starts one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from library.core.templatetags.design import status
from stocktaking import actions
from stocktaking.forms import StocktakeForm
from stocktaking.models import Stocktake


@admin.register(Stocktake)
class StocktakeAdmin(admin.ModelAdmin):
    """Stocktakes: started here, counted on pages of their own, never deleted."""

    form = StocktakeForm
    fields = ("branch", ("shelf_from", "shelf_to"), "note")
    list_display = ("branch", "shelves", "state", "started_at", "started_by", "closed_at")
    list_filter = ("branch", ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("branch", "started_by")
    list_per_page = 50
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Stocktake, form: Any, change: bool) -> None:
        """Start it by the action."""
        made = actions.start(**form.cleaned_data, by=request.user, now=timezone.now())  # type: ignore[arg-type] # staff
        obj.__dict__.update(made.__dict__)

    def response_add(self, request: HttpRequest, obj: Stocktake, post_url_continue: str | None = None) -> HttpResponse:
        """On to scanning."""
        return redirect("stocktake", obj.uid)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A stocktake's own page."""
        found = self.get_object(request, object_id)
        if found is None:
            return redirect("admin:stocktaking_stocktake_changelist")
        return redirect("stocktake", found.uid)

    @admin.display(description=gettext_lazy("shelves"))
    def shelves(self, stocktake: Stocktake) -> str:
        """From which mark to which."""
        if not (stocktake.shelf_from or stocktake.shelf_to):
            return _("all")
        return f"{stocktake.shelf_from or '…'} – {stocktake.shelf_to or '…'}"

    @admin.display(description=gettext_lazy("state"))
    def state(self, stocktake: Stocktake) -> SafeString:
        """Whether it still takes scans."""
        return status("good", _("under way"), "renew") if stocktake.is_open else status("quiet", _("closed"), "check")
