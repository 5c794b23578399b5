"""People for tests. Users get the group of their role, readers a fresh category and branch unless given."""

from datetime import date
from typing import Any

import factory
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group

from accounts.models import Reader, ReaderBlock, Role, User

PASSWORD = "correct-horse-battery"
"""The password of every user made here."""


class UserFactory(factory.django.DjangoModelFactory):
    """A signed-up user with a confirmed e-mail; a reader by role, without a Reader."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence("user{}@example.org".format)
    full_name = factory.Sequence("Пользователь {}".format)
    language = "ru"
    role = Role.READER
    password = factory.django.Password(PASSWORD)

    @factory.post_generation
    def membership(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:
        """Group and confirmed address, as `accounts.actions` gives them."""
        if create:
            self.groups.add(Group.objects.get(name=self.role))
            EmailAddress.objects.create(user=self, email=self.email, verified=True, primary=True)


class LibrarianFactory(UserFactory):
    """A librarian."""

    full_name = factory.Sequence("Библиотекарь {}".format)
    role = Role.LIBRARIAN


class AdminFactory(UserFactory):
    """An administrator."""

    full_name = factory.Sequence("Администратор {}".format)
    role = Role.ADMIN


class ReaderFactory(factory.django.DjangoModelFactory):
    """A reader with a good card and no sign-in; `user=UserFactory()` or `ReaderFactory(signs_in=True)` gives one."""

    class Meta:
        model = Reader

    class Params:
        signs_in = factory.Trait(user=factory.SubFactory(UserFactory))

    card_number = factory.Sequence("R{:06d}".format)
    full_name = factory.Sequence("Читатель {}".format)
    email = factory.Sequence("reader{}@example.org".format)
    language = "ru"
    category = factory.SubFactory("policies.tests.factories.ReaderCategoryFactory")
    home_branch = factory.SubFactory("policies.tests.factories.BranchFactory")
    registered_on = date(2024, 1, 15)
    expires_on = date(2099, 12, 31)


class ReaderBlockFactory(factory.django.DjangoModelFactory):
    """A block by staff without an end."""

    class Meta:
        model = ReaderBlock

    reader = factory.SubFactory(ReaderFactory)
    reason = "Порча книги"
    starts_on = date(2024, 2, 1)
