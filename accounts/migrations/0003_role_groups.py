"""One group per role, with the permissions a role starts with; afterwards the panel may tune them."""

from functools import partial

from django.db import migrations

from library.core.grants import EVERYTHING, give

LIBRARIAN = {
    "accounts.reader": ("view", "add", "change"),
    "accounts.readerblock": ("view", "add", "change"),
    "cashdesk.charge": ("view",),
    "cashdesk.entry": ("add_charges", "take_payments"),
    "cashdesk.payment": ("view",),
    "catalog.author": ("view", "add", "change"),
    "catalog.authorname": EVERYTHING,
    "catalog.batchchange": ("view", "add", "change"),
    "catalog.book": ("view", "add", "change", "import_book", "export_book"),
    "catalog.contribution": EVERYTHING,
    "catalog.copy": ("view", "add", "change", "import_copy", "export_copy"),
    "catalog.copyfieldmapping": ("view", "add", "change"),
    "catalog.genre": ("view", "add", "change"),
    "catalog.importrun": ("view",),
    "catalog.isbn": EVERYTHING,
    "catalog.merge": ("view", "add", "change"),
    "catalog.publisher": ("view", "add", "change"),
    "catalog.series": ("view", "add", "change"),
    "catalog.sourcerecord": ("view",),
    "catalog.subject": ("view", "add", "change"),
    "circulation.loan": ("view", "check_out_copies", "renew_loans", "return_copies", "override_card_expired", "override_age_restricted", "override_copy_lost", "override_copy_damaged", "override_loaned_to_another", "override_same_book_on_loan", "override_too_soon", "declare_lost", "override_kept_for_another", "override_reserved_by_another", "override_in_transit"),
    "lookup.target": ("view",),
    "notifications.letter": ("view", "resend_letters"),
    "notifications.notice": ("view",),
    "policies.branch": ("view",),
    "policies.closedday": ("view",),
    "policies.itemtype": ("view",),
    "policies.lendingrule": ("view",),
    "policies.openinghours": ("view",),
    "policies.readercategory": ("view",),
    "reservations.reservation": ("view", "place_reservations", "cancel_reservations", "move_reservations", "fill_reservations", "override_available_on_shelf"),
    "reservations.transfer": ("view",),
    "stocktaking.stocktake": ("view", "add", "change", "correct_stocktake"),
}
ADMIN_TOO = {
    "accounts.reader": ("delete",),
    "accounts.user": ("view", "add", "change"),
    "auth.group": ("view", "change"),
    "cashdesk.entry": ("waive_charges", "give_refunds", "reverse_entries"),
    "catalog.author": ("delete",),
    "catalog.book": ("delete",),
    "catalog.copy": ("delete",),
    "catalog.copyfieldmapping": ("delete",),
    "catalog.genre": ("delete",),
    "catalog.publisher": ("delete",),
    "catalog.series": ("delete",),
    "catalog.subject": ("delete",),
    "circulation.loan": ("override_reader_blocked", "override_reader_suspended", "override_overdue_limit", "override_not_for_loan", "override_loan_limit", "override_renewal_limit", "override_debt_limit"),
    "core.auditentry": ("view",),
    "core.jobrun": ("view",),
    "django_celery_beat.clockedschedule": EVERYTHING,
    "django_celery_beat.crontabschedule": EVERYTHING,
    "django_celery_beat.intervalschedule": EVERYTHING,
    "django_celery_beat.periodictask": EVERYTHING,
    "django_celery_beat.solarschedule": EVERYTHING,
    "lookup.target": ("add", "change", "delete"),
    "policies.branch": ("add", "change", "delete"),
    "policies.closedday": ("add", "change", "delete"),
    "policies.itemtype": ("add", "change", "delete"),
    "policies.lendingrule": ("add", "change", "delete"),
    "policies.openinghours": ("add", "change", "delete"),
    "policies.readercategory": ("add", "change", "delete"),
    "reservations.reservation": ("override_not_reservable", "override_reservation_limit"),
}


def make_role_groups(apps, schema_editor):
    """An administrator may do all that a librarian may, and more; a reader nothing in the panel."""
    give(apps, schema_editor, {"reader": {}, "librarian": LIBRARIAN, "admin": LIBRARIAN})
    give(apps, schema_editor, {"admin": ADMIN_TOO})


def remove_role_groups(apps, schema_editor):
    """Remove the groups; users keep their role."""
    apps.get_model("auth", "Group").objects.filter(name__in=["reader", "librarian", "admin"]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_card_numbers"),
        ("cashdesk", "0001_initial"),
        ("catalog", "0001_initial"),
        ("circulation", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("core", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("lookup", "0001_initial"),
        ("notifications", "0001_initial"),
        ("policies", "0001_initial"),
        ("reservations", "0001_initial"),
        ("stocktaking", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_role_groups, remove_role_groups)]
