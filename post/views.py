"""The panel's pages for letters on paper: what waits, making a batch, its file, and that it is posted."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from library.core.errors import Busy, Invalid
from policies.models import Branch
from post import actions
from post.channel import PrintChannel
from post.models import Batch
from post.paper import as_pdf
from post.queries import to_print

PER_PAGE = 25
LINES_PER_PAGE = 100
View = Callable[..., HttpResponse]


class GatherForm(forms.Form):
    """Whose letters."""

    branch = forms.ModelChoiceField(
        Branch.objects.all(), required=False, empty_label=gettext_lazy("every branch"), label=gettext_lazy("Branch")
    )


def staff_who_print(view: View) -> View:
    """Let in staff who may print letters; strangers sign in, others are forbidden."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not (request.user.is_staff and request.user.has_perm("post.print_letters")):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@staff_who_print
def overview(request: HttpRequest) -> HttpResponse:
    """How many letters wait at which branch, and the batches of before."""
    waiting = to_print().order_by().values("reader__home_branch__name").annotate(count=Count("pk"))
    batches = Batch.objects.select_related("made_by").annotate(count=Count("lines")).order_by("-made_at", "-pk")
    context = {
        "title": _("Printed letters"),
        "is_on": PrintChannel.is_on(),
        "waiting": waiting.order_by("reader__home_branch__name"),
        "form": GatherForm(),
        "page": Paginator(batches, PER_PAGE).get_page(request.GET.get("page")),
    }
    return _page(request, "overview", context)


@require_POST
@staff_who_print
def gather(request: HttpRequest) -> HttpResponse:
    """Make a batch of what waits."""
    form = GatherForm(request.POST)
    assert isinstance(request.user, User)
    branch = form.cleaned_data["branch"] if form.is_valid() else None
    if form.errors:
        messages.error(request, _("Choose a branch of the library."))
        return redirect("post")
    try:
        batch = actions.make_batch(branch_id=branch.pk if branch else None, by=request.user, now=timezone.now())
    except Busy:
        messages.error(request, _("Somebody else is working with these letters. Try again in a moment."))
        return redirect("post")
    if batch is None:
        messages.warning(request, _("No letter waits to be printed."))
        return redirect("post")
    return redirect("post_batch", batch.uid)


@require_safe
@staff_who_print
def batch(request: HttpRequest, uid: UUID) -> HttpResponse:
    """One batch: its letters, its file, and what is to be done."""
    shown = get_object_or_404(Batch.objects.select_related("made_by", "posted_by"), uid=uid)
    lines = shown.lines.select_related("letter__reader__home_branch")
    page = Paginator(lines, LINES_PER_PAGE).get_page(request.GET.get("page"))
    context = {"title": _("Batch of letters"), "batch": shown, "page": page, "most": actions.MOST}
    return _page(request, "batch", context)


@require_safe
@staff_who_print
def letters(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The file to print, again and again."""
    found = get_object_or_404(Batch, uid=uid)
    name = f"letters-{found.made_at:%Y-%m-%d-%H%M}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(as_pdf(found), content_type="application/pdf", headers=headers)


@require_POST
@staff_who_print
def posted(request: HttpRequest, uid: UUID) -> HttpResponse:
    """They are on their way."""
    found = get_object_or_404(Batch, uid=uid)
    assert isinstance(request.user, User)
    count = actions.post(batch_id=found.pk, by=request.user, now=timezone.now())
    text = ngettext("%(count)d letter is noted as sent.", "%(count)d letters are noted as sent.", count)
    messages.success(request, text % {"count": count})
    return redirect("post_batch", uid)


@require_POST
@staff_who_print
def take_apart(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The letters wait again."""
    found = get_object_or_404(Batch, uid=uid)
    assert isinstance(request.user, User)
    try:
        actions.take_apart(batch_id=found.pk, by=request.user, now=timezone.now())
    except Invalid as error:
        messages.error(request, " ".join(str(told) for said in error.errors.values() for told in said))
        return redirect("post_batch", uid)
    messages.success(request, _("The letters wait again."))
    return redirect("post")


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, f"admin/post/{name}.html", admin.site.each_context(request) | context)
