"""The panel's pages for branches and their days, categories, item types and lending rules."""

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from policies import wording
from policies.calendar import NoOpenDay
from policies.forms import (
    DaysField,
    EffectiveTermsForm,
    LendingRuleForm,
    OpeningHoursForm,
    OpeningHoursFormSet,
    ReaderCategoryForm,
    time_zone_choices,
)
from policies.models import Branch, ClosedDay, ItemType, LendingRule, OpeningHours, ReaderCategory, Weekday
from policies.queries import calendar_of, effective_terms
from policies.terms import LISTS, EffectiveTerms, NoDefaultRule, due_steps

PANEL_CSS = {"all": ["css/policies-panel.css"]}
NATIVE_WIDGETS: dict[type[models.Field], dict[str, Any]] = {
    models.DateField: {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")},
    models.TimeField: {"widget": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")},
}
"""Days and times are chosen in the browser's own way: they are the branch's, so no clock needs to be compared."""


MOVE = "circulation.move_due_dates"
"""Who may move what falls due on closed days."""


class OpeningHoursInline(admin.TabularInline):
    """The week at a glance: every weekday has its row, those without times are closed."""

    model = OpeningHours
    form = OpeningHoursForm
    formfield_overrides = NATIVE_WIDGETS
    formset = OpeningHoursFormSet
    max_num = 28
    ordering = ("weekday", "opens_at")
    verbose_name_plural = _("Opening hours: a day without times is closed; a branch without any is always open")

    def get_extra(self, request: HttpRequest, obj: Branch | None = None, **kwargs: Any) -> int:
        """A row for each weekday that has none yet, and a spare one for a day with a break."""
        return len(closed_weekdays(obj)) + 1


class ClosedDayInline(admin.TabularInline):
    """The days on which this branch alone is closed."""

    model = ClosedDay
    formfield_overrides = NATIVE_WIDGETS
    extra = 0
    verbose_name_plural = _("Closed days of this branch alone")


def closed_weekdays(branch: Branch | None) -> list[int]:
    """The weekdays without opening hours; all of them for a branch that is not saved yet."""
    open_ = set(branch.opening_hours.values_list("weekday", flat=True)) if branch and branch.pk else set()
    return [weekday for weekday in Weekday.values if weekday not in open_]


@admin.register(Branch)
class BranchAdmin(admin.ModelAdmin):
    """Branches, each with its week and its own closed days."""

    list_display = ("name", "code", "week", "address", "time_zone")
    search_fields = ("name", "code", "address")
    inlines = (OpeningHoursInline, ClosedDayInline)

    class Media:
        css = PANEL_CSS

    @admin.display(description=_("opening hours"))
    def week(self, branch: Branch) -> str:
        """Monday to Sunday in one line."""
        return wording.week(branch.opening_hours.all())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Branch]:
        return super().get_queryset(request).prefetch_related("opening_hours")

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        if db_field.name == "time_zone":
            return forms.ChoiceField(
                choices=time_zone_choices,
                label=_("Time zone"),
                initial=settings.TIME_ZONE,
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Closed days just entered: offer to look what falls due on them."""
        super().save_formset(request, form, formset, change)
        if formset.model is not ClosedDay or not request.user.has_perm(MOVE):
            return
        for closed_day in [*formset.new_objects, *(changed for changed, _names in formset.changed_objects)]:
            url, text = reverse("closing_of_day", args=[closed_day.pk]), gettext("Look what falls due on these days")
            messages.info(request, format_html('{} <a href="{}">{}</a>', closed_day, url, text))

    def get_formset_kwargs(self, request: HttpRequest, obj: Branch, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, OpeningHoursInline):
            kwargs["initial"] = [{"weekday": weekday} for weekday in closed_weekdays(obj)]
        return kwargs


@admin.register(ClosedDay)
class ClosedDayAdmin(admin.ModelAdmin):
    """Holidays and closures, of one branch or of all."""

    list_display = ("starts_on", "ends_on", "reason", "where", "repeats_yearly")
    formfield_overrides = NATIVE_WIDGETS
    empty_value_display = _("every branch")
    list_display_links = ("starts_on", "reason")
    list_filter = ("branch", "repeats_yearly")
    list_select_related = ("branch",)
    search_fields = ("reason",)
    date_hierarchy = "starts_on"

    def response_post_save_add(self, request: HttpRequest, obj: ClosedDay) -> HttpResponseRedirect:
        """To what falls due on the days, if that may be moved."""
        return self._to_what_falls_due(request, obj) or super().response_post_save_add(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: ClosedDay) -> HttpResponseRedirect:
        """As after adding."""
        return self._to_what_falls_due(request, obj) or super().response_post_save_change(request, obj)

    def _to_what_falls_due(self, request: HttpRequest, closed_day: ClosedDay) -> HttpResponseRedirect | None:
        if not request.user.has_perm(MOVE):
            return None
        return HttpResponseRedirect(reverse("closing_of_day", args=[closed_day.pk]))

    @admin.display(description=_("branch"), ordering="branch__name")
    def where(self, closed_day: ClosedDay) -> str:
        """The branch's name, or that it is for all."""
        return closed_day.branch.name if closed_day.branch else str(_("every branch"))


@admin.register(ReaderCategory)
class ReaderCategoryAdmin(admin.ModelAdmin):
    """Reader categories with the limits for the person as a whole."""

    form = ReaderCategoryForm
    list_display = ("name", "code", "is_default", "card_months", "max_total_loans", "max_overdue_loans", "max_balance")
    search_fields = ("name", "code")
    fieldsets = (
        (None, {"fields": ("name", "code", "is_default")}),
        (_("Card"), {"fields": (("card_months", "self_renewal_days"), ("minimum_age", "maximum_age"))}),
        (_("Limits for the person as a whole"), {"fields": ("max_total_loans", "max_overdue_loans", "max_balance")}),
    )


@admin.register(ItemType)
class ItemTypeAdmin(admin.ModelAdmin):
    """Item types."""

    list_display = ("name", "code")
    search_fields = ("name", "code")


ANY = {"category": _("any reader"), "item_type": _("any type"), "branch": _("any branch")}
"""What an empty part of a rule's scope means."""

SETTINGS_SHOWN = 8
"""How many of a rule's values the list shows before the rest unfolds."""


@admin.register(LendingRule)
class LendingRuleAdmin(admin.ModelAdmin):
    """The matrix of rules: each row says for whom, what and where, and only the values it sets."""

    form = LendingRuleForm
    formfield_overrides = NATIVE_WIDGETS
    empty_value_display = _("any")
    list_display = ("who", "what", "where", "sets")
    list_display_links = ("who", "what", "where")
    list_filter = ("category", "item_type", "branch")
    list_select_related = ("category", "item_type", "branch")
    list_per_page = 50
    ordering = (
        F("branch__name").asc(nulls_first=True),
        F("category__name").asc(nulls_first=True),
        F("item_type__name").asc(nulls_first=True),
    )
    save_as = True

    class Media:
        css = PANEL_CSS

    @admin.display(description=_("who"), ordering="category__name")
    def who(self, rule: LendingRule) -> str:
        """The reader category."""
        return str(rule.category or ANY["category"])

    @admin.display(description=_("what"), ordering="item_type__name")
    def what(self, rule: LendingRule) -> str:
        """The item type."""
        return str(rule.item_type or ANY["item_type"])

    @admin.display(description=_("where"), ordering="branch__name")
    def where(self, rule: LendingRule) -> str:
        """The branch."""
        return str(rule.branch or ANY["branch"])

    @admin.display(description=_("sets"))
    def sets(self, rule: LendingRule) -> SafeString | str:
        """The values that the rule sets; beyond the first few they unfold."""
        first, rest = (values := wording.rule_settings(rule))[:SETTINGS_SHOWN], values[SETTINGS_SHOWN:]
        if not values:
            return str(_("nothing yet"))
        if not rest:
            return _chips(first)
        more = ngettext("%(count)d more", "%(count)d more", len(rest)) % {"count": len(rest)}
        return format_html("{}<details><summary>{}</summary>{}</details>", _chips(first), more, _chips(rest))

    def get_fieldsets(self, request: HttpRequest, obj: LendingRule | None = None) -> Any:
        """Whom it is for, then the groups; those of which the rule sets nothing are folded away."""
        head = (None, {"fields": ("category", "item_type", "branch"), "description": _scope_help(obj)})
        return [
            head,
            *(
                (title, {"fields": names, "classes": [] if _sets_any(obj, names) else ["collapse"]})
                for title, names in wording.GROUPS
            ),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: LendingRule | None = None) -> tuple[str, ...]:
        """The default rule stays for everyone and everything."""
        return ("category", "item_type", "branch") if obj is not None and obj.is_default else ()

    def has_delete_permission(self, request: HttpRequest, obj: LendingRule | None = None) -> bool:
        """Never for the default rule."""
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.is_default)

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        if db_field.name in LISTS:
            return DaysField(label=wording.parameter_name(db_field.name), help_text=db_field.help_text, required=False)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["empty_label"] = ANY[db_field.name]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        effective = path(
            "effective/", self.admin_site.admin_view(self.effective), name="policies_lendingrule_effective"
        )
        return [effective, *super().get_urls()]

    def effective(self, request: HttpRequest) -> HttpResponse:
        """Every effective value for a category, item type and branch, the rule each came from, and an example."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = EffectiveTermsForm(request.GET or None)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Effective terms"),
            "opts": self.opts,
            "form": form,
        }
        if form.is_valid():
            context |= self._explain(**form.cleaned_data)
        return TemplateResponse(request, "admin/policies/lendingrule/effective.html", context)

    def _explain(
        self,
        *,
        category: ReaderCategory,
        item_type: ItemType,
        branch: Branch,
        lent_on: date | None,
        lent_at: time | None,
        card_expires_on: date | None,
    ) -> dict[str, Any]:
        """What the page shows for a valid form: groups of terms, and the steps of the example or why there are none."""
        try:
            found = effective_terms(category_id=category.pk, item_type_id=item_type.pk, branch_id=branch.pk)
        except NoDefaultRule:
            return {"problem": _("The rule for everyone and everything is missing: run “manage.py setup_library”.")}
        now = timezone.now().astimezone(branch.zone)
        start = datetime.combine(lent_on or now.date(), lent_at or now.time(), branch.zone)
        explained = {
            "groups": self._groups(found),
            "terms": found.terms,
            "is_fixed_day_over": found.terms.fixed_due_on is not None and found.terms.fixed_due_on < start.date(),
            "lent": wording.moment(start, branch.zone),
        }
        try:
            steps = due_steps(
                start=start,
                terms=found.terms,
                calendar=calendar_of(branch),
                card_expires_on=card_expires_on,
                hour_loan_after_closing=settings.HOUR_LOAN_AFTER_CLOSING,
            )
        except NoOpenDay:
            return {**explained, "problem": _("This branch has no open day at all: look at its hours and closed days.")}
        told = [(wording.DUE_STEPS[due.step], wording.moment(due.at, branch.zone)) for due in steps]
        return {**explained, "steps": told, "due": told[-1][1]}

    def _groups(self, found: EffectiveTerms) -> list[dict[str, Any]]:
        """Each group with its parameters: name, value, and the rule that gave it."""
        rule_ids = {row.rule_id for row in found.sources.values()}
        rules = LendingRule.objects.select_related("category", "item_type", "branch").in_bulk(rule_ids)
        return [
            {
                "title": title,
                "rows": [
                    {"name": name, "value": value, "rule": rules[found.sources[parameter].rule_id]}
                    for parameter, name, value in rows
                ],
            }
            for title, rows in wording.terms_in_groups(found.terms)
        ]


def _chips(values: list[tuple[str, str]]) -> SafeString:
    return format_html_join("", '<span class="rule-value">{}: <b>{}</b></span> ', values)


def _scope_help(rule: LendingRule | None) -> str:
    if rule is not None and rule.is_default:
        return gettext("The default rule is for everyone and everything; here “none” means no limit.")
    return gettext(
        "Leave empty what is inherited. A branch's rule goes before a category's, and that before an item type's."
    )


def _sets_any(rule: LendingRule | None, names: Iterable[str]) -> bool:
    return rule is None or any(getattr(rule, name) is not None for name in names)
