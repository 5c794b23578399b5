"""What templates of other apps say about letters: that they do not reach a reader."""

from django import template

from accounts.models import Reader
from notifications.bounces import bounce_of
from notifications.models import Bounce

register = template.Library()


@register.simple_tag
def failing_address(reader: Reader) -> Bounce | None:
    """Since when e-mail to the reader comes back, if it does. One query, none without an address."""
    return bounce_of(reader)
