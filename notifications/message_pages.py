"""The panel's page for writing to one reader, or to those chosen in their list: seen first, then sent."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import Reader
from catalog.forms import numbers
from library.core.errors import Invalid
from notifications.channels.registry import routes
from notifications.messages import write_message
from notifications.models import Event, Message
from notifications.rendering import Rendered, sample

CHOSEN = "message_readers"
"""Where the session keeps the readers chosen in their list (`accounts.admin`)."""


class MessageForm(forms.Form):
    """What to write."""

    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=150)
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text=gettext_lazy("Greeting and signature are added."),
    )


@require_http_methods(["GET", "POST"])
def message_page(request: HttpRequest) -> HttpResponse:
    """Write, look at it as a reader will see it, and send it."""
    if not request.user.has_perm("notifications.send_messages"):
        raise PermissionDenied
    readers = list(Reader.objects.current().filter(pk__in=_chosen(request)).order_by("pk"))
    form = MessageForm(request.POST or None)
    preview: Rendered | None = None
    if readers and form.is_valid():
        if "send" in request.POST:
            return _send(request, readers, form.cleaned_data)
        data = [{"message": "", **form.cleaned_data}]
        preview = sample(reader=readers[0], event=Event.MESSAGE, data=data)
    reachable = routes(readers) if readers else {}
    context = {
        **admin.site.each_context(request),
        "opts": Message._meta,
        "title": _("Write to readers"),
        "form": form,
        "preview": preview,
        "readers": readers[:20],
        "count": len(readers),
        "more": max(0, len(readers) - 20),
        "unreachable": sum(not ways for ways in reachable.values()),
        "reader_ids": request.GET.get("reader", ""),
    }
    return TemplateResponse(request, "admin/notifications/message.html", context)


def _chosen(request: HttpRequest) -> list[int]:
    """From the address, where one reader's page leads here; else from the list."""
    if one := numbers(request.GET.getlist("reader")):
        return list(one)
    chosen: list[int] = request.session.get(CHOSEN, [])
    return chosen


def _send(request: HttpRequest, readers: list[Reader], words: dict[str, str]) -> HttpResponse:
    try:
        message = write_message(
            reader_ids=[reader.pk for reader in readers],
            **words,
            by=request.user,  # type: ignore[arg-type] # staff
            now=timezone.now(),
        )
    except Invalid as error:
        for said in error.errors.values():
            messages.error(request, " ".join(map(str, said)))
        return redirect(request.get_full_path())
    request.session.pop(CHOSEN, None)
    text = ngettext("The message goes to %(count)d reader.", "The message goes to %(count)d readers.", message.readers)
    messages.success(request, text % {"count": message.readers})
    return redirect("admin:notifications_message_change", message.pk)
