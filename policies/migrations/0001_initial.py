import datetime
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='Branch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=20, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('address', models.CharField(blank=True, max_length=300, verbose_name='address')),
                ('phone', models.CharField(blank=True, max_length=40, verbose_name='phone')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('time_zone', models.CharField(default='Europe/Moscow', help_text='For example Europe/Moscow, Asia/Omsk.', max_length=50, verbose_name='time zone')),
            ],
            options={
                'verbose_name': 'branch',
                'verbose_name_plural': 'branches',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ItemType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=20, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
            ],
            options={
                'verbose_name': 'item type',
                'verbose_name_plural': 'item types',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ReaderCategory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=20, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('is_default', models.BooleanField(default=False, help_text='Given to readers who register on the site.', verbose_name='default')),
                ('card_months', models.PositiveSmallIntegerField(default=12, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(600)], verbose_name='card is valid for, months')),
                ('minimum_age', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='minimum age, years')),
                ('maximum_age', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='maximum age, years')),
                ('max_total_loans', models.PositiveSmallIntegerField(blank=True, help_text='Over all item types and branches. Empty: no limit.', null=True, verbose_name='loans at once, at most')),
                ('max_overdue_loans', models.PositiveSmallIntegerField(blank=True, help_text='With more overdue loans than this the reader borrows nothing. Empty: no limit.', null=True, verbose_name='overdue loans tolerated')),
                ('max_balance', models.DecimalField(blank=True, decimal_places=2, help_text='With a larger debt the reader borrows nothing. Empty: no limit.', max_digits=10, null=True, verbose_name='debt tolerated')),
            ],
            options={
                'verbose_name': 'reader category',
                'verbose_name_plural': 'reader categories',
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='one_default_category'), models.CheckConstraint(condition=models.Q(('minimum_age__isnull', True), ('maximum_age__isnull', True), ('maximum_age__gte', models.F('minimum_age')), _connector='OR'), name='category_ages_in_order', violation_error_message='The maximum age must not be below the minimum age.'), models.CheckConstraint(condition=models.Q(('card_months__gte', 1)), name='card_lasts_at_least_a_month')],
            },
        ),
        migrations.CreateModel(
            name='ClosedDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField(verbose_name='first day')),
                ('ends_on', models.DateField(verbose_name='last day')),
                ('repeats_yearly', models.BooleanField(default=False, verbose_name='every year')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('branch', models.ForeignKey(blank=True, help_text='Empty: every branch.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='closed_days', to='policies.branch', verbose_name='branch')),
            ],
            options={
                'verbose_name': 'closed day',
                'verbose_name_plural': 'closed days',
                'ordering': ['-starts_on'],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='closed_range_in_order', violation_error_message='The last day must not be before the first.'), models.CheckConstraint(condition=models.Q(('repeats_yearly', False), ('ends_on__lt', django.db.models.expressions.CombinedExpression(models.F('starts_on'), '+', models.Value(datetime.timedelta(days=365)))), _connector='OR'), name='yearly_closure_is_within_a_year', violation_error_message='What repeats every year must be shorter than a year.')],
            },
        ),
        migrations.CreateModel(
            name='OpeningHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], verbose_name='weekday')),
                ('opens_at', models.TimeField(verbose_name='opens')),
                ('closes_at', models.TimeField(verbose_name='closes')),
                ('branch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='opening_hours', to='policies.branch', verbose_name='branch')),
            ],
            options={
                'verbose_name': 'opening hours',
                'verbose_name_plural': 'opening hours',
                'ordering': ['branch', 'weekday', 'opens_at'],
                'constraints': [django.contrib.postgres.constraints.ExclusionConstraint(expressions=[(models.Func(models.F('branch'), models.F('branch'), models.Value('[]'), function='int8range'), '&&'), (models.Func(models.F('weekday'), models.F('weekday'), models.Value('[]'), function='int4range'), '&&'), (models.Func(django.db.models.functions.datetime.Extract(django.db.models.functions.comparison.Least('opens_at', 'closes_at'), 'epoch'), django.db.models.functions.datetime.Extract(django.db.models.functions.comparison.Greatest('opens_at', 'closes_at'), 'epoch'), function='numrange'), '&&')], name='opening_hours_do_not_overlap', violation_error_message='These opening hours overlap others of the same day.'), models.CheckConstraint(condition=models.Q(('closes_at__gt', models.F('opens_at'))), name='closes_after_opening', violation_error_message='Closing time must come after opening time.'), models.CheckConstraint(condition=models.Q(('weekday__lte', 6)), name='weekday_of_the_week')],
            },
        ),
        migrations.CreateModel(
            name='LendingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('loanable', models.BooleanField(blank=True, help_text='No: such copies stay in the library.', null=True, verbose_name='may be lent')),
                ('loan_period', models.PositiveSmallIntegerField(blank=True, help_text='How long a loan lasts, in the unit beside.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='loan period')),
                ('loan_period_unit', models.CharField(blank=True, choices=[('days', 'days'), ('hours', 'hours')], help_text='Day loans end with the day; hour loans end to the minute, while the branch is open.', max_length=5, null=True, verbose_name='unit of the loan period')),
                ('fixed_due_on', models.DateField(blank=True, help_text='Everything is back by this day, the end of the school year say. A day that has passed no longer counts.', null=True, verbose_name='fixed due day')),
                ('fixed_due_mode', models.CharField(blank=True, choices=[('at_latest', 'not later than this day'), ('exactly', 'exactly on this day')], help_text='“Not later” shortens loans that would last longer; “exactly” sets the day for all.', max_length=10, null=True, verbose_name='fixed due day means')),
                ('max_loans', models.PositiveSmallIntegerField(blank=True, help_text="Counts the reader's loans that fall under the same categories, types and branches as this rule.", null=True, verbose_name='loans at once under this rule')),
                ('minimum_age', models.PositiveSmallIntegerField(blank=True, help_text='In years. Readers below this age, by their birth date, may not borrow.', null=True, verbose_name='from age')),
                ('due_on_closed', models.CharField(blank=True, choices=[('keep', 'stays on the closed day'), ('next_open', 'next open day'), ('previous_open', 'previous open day')], help_text='A loan that would fall due when the branch is closed.', max_length=13, null=True, verbose_name='when due on a closed day')),
                ('period_counts', models.CharField(blank=True, choices=[('all_days', 'all days'), ('open_days', 'open days only')], help_text='Whether closed days use up the loan period.', max_length=9, null=True, verbose_name='the period counts')),
                ('max_renewals', models.PositiveSmallIntegerField(blank=True, help_text='How many times a loan may be renewed. 0: never.', null=True, verbose_name='renewals')),
                ('renewal_period', models.PositiveSmallIntegerField(blank=True, help_text='In the unit of the loan period. Empty everywhere: as long as the loan.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='renewal period')),
                ('renew_from', models.CharField(blank=True, choices=[('due', 'from the due date'), ('now', 'from the day of renewal')], help_text='Where the new period starts.', max_length=3, null=True, verbose_name='renewal counts')),
                ('renew_not_before_days', models.PositiveSmallIntegerField(blank=True, help_text='For example 3: renewal is possible from three days before the due day. Empty everywhere: at any time.', null=True, verbose_name='renewal opens, days before due')),
                ('auto_renew', models.BooleanField(blank=True, help_text='Renews by itself on the first day on which renewal is possible.', null=True, verbose_name='renew automatically')),
                ('fine_amount', models.DecimalField(blank=True, decimal_places=2, help_text='What an overdue copy costs for each fine period. 0: no fines.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='fine')),
                ('fine_period_days', models.PositiveSmallIntegerField(blank=True, help_text='1: the fine is for each day; 7: for each week begun.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='fine is per, days')),
                ('grace_days', models.PositiveSmallIntegerField(blank=True, help_text='Up to so many days overdue cost nothing.', null=True, verbose_name='days of grace')),
                ('grace_is_charged', models.BooleanField(blank=True, help_text='Yes: once the days of grace are over they are charged too.', null=True, verbose_name='grace is charged afterwards')),
                ('fine_cap', models.DecimalField(blank=True, decimal_places=2, help_text='The fine for one loan never exceeds this. Empty everywhere: no limit.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='fine at most')),
                ('cap_at_copy_price', models.BooleanField(blank=True, help_text='Yes: nobody owes more for lateness than the copy cost.', null=True, verbose_name="fine at most the copy's price")),
                ('fine_counts_closed_days', models.BooleanField(blank=True, help_text='No: days on which the branch is closed cost nothing.', null=True, verbose_name='closed days are fined')),
                ('suspension_days_per_day', models.PositiveSmallIntegerField(blank=True, help_text='For so many days after the return the reader borrows nothing. 0: no suspension.', null=True, verbose_name='days of suspension per overdue day')),
                ('max_suspension_days', models.PositiveSmallIntegerField(blank=True, help_text='Empty everywhere: no limit.', null=True, verbose_name='suspension at most, days')),
                ('lost_after_days', models.PositiveSmallIntegerField(blank=True, help_text='After so many days overdue the copy counts as lost.', null=True, verbose_name='lost after, days overdue')),
                ('replacement_fee', models.CharField(blank=True, choices=[('copy_price', "the copy's price"), ('set_amount', 'a set amount')], help_text='What a lost copy costs the reader.', max_length=10, null=True, verbose_name='replacement fee is')),
                ('replacement_amount', models.DecimalField(blank=True, decimal_places=2, help_text='The set amount; also what a copy without a price costs.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='replacement amount')),
                ('processing_fee', models.DecimalField(blank=True, decimal_places=2, help_text='Charged on top of the replacement.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='processing fee')),
                ('refund_within_days', models.PositiveSmallIntegerField(blank=True, help_text='A lost copy that comes back so many days after the payment, or sooner, is refunded.', null=True, verbose_name='refund when found within, days')),
                ('reservable', models.BooleanField(blank=True, help_text='No: readers cannot reserve such copies.', null=True, verbose_name='may be reserved')),
                ('on_shelf', models.CharField(blank=True, choices=[('always', 'always'), ('when_all_out', 'only when all copies are out')], help_text='Whether a reader may reserve a book while a copy stands on the shelf.', max_length=12, null=True, verbose_name='reserve what is on the shelf')),
                ('max_reservations', models.PositiveSmallIntegerField(blank=True, help_text='How many reservations a reader may have at once.', null=True, verbose_name='reservations in all')),
                ('max_reservations_per_book', models.PositiveSmallIntegerField(blank=True, help_text='How many of them for the same book.', null=True, verbose_name='reservations per book')),
                ('max_reservations_per_day', models.PositiveSmallIntegerField(blank=True, help_text='How many new ones a day. Empty everywhere: no limit.', null=True, verbose_name='reservations per day')),
                ('reservation_fee', models.DecimalField(blank=True, decimal_places=2, help_text='Charged when the reservation is made. 0: free.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='reservation fee')),
                ('pickup_open_days', models.PositiveSmallIntegerField(blank=True, help_text='For so many open days the copy waits on the hold shelf.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='kept for pick-up, open days')),
                ('remind_before_days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, help_text='Days before the due day, with commas: 3, 0 is three days before and on the day. A dash: no reminders.', null=True, size=20, verbose_name='remind before due, days')),
                ('remind_overdue_days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, help_text='Days after the due day, with commas: 1, 7, 14, 30. A dash: no reminders.', null=True, size=20, verbose_name='remind when overdue, days')),
                ('remind_from_day', models.PositiveSmallIntegerField(blank=True, help_text='Reminds from this day of the loan on, overdue or not, for example 10. Empty everywhere or 0: off.', null=True, verbose_name='remind from day of the loan')),
                ('remind_every_days', models.PositiveSmallIntegerField(blank=True, help_text='Repeats that reminder until the return. Empty everywhere: once.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='then every, days')),
                ('branch', models.ForeignKey(blank=True, help_text='Empty: copies of every branch.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='policies.branch', verbose_name='branch')),
                ('item_type', models.ForeignKey(blank=True, help_text='Empty: copies of every type.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='policies.itemtype', verbose_name='item type')),
                ('category', models.ForeignKey(blank=True, help_text='Empty: readers of every category.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='policies.readercategory', verbose_name='reader category')),
            ],
            options={
                'verbose_name': 'lending rule',
                'verbose_name_plural': 'lending rules',
                'ordering': [models.OrderBy(models.F('branch'), nulls_first=True), models.OrderBy(models.F('category'), nulls_first=True), models.OrderBy(models.F('item_type'), nulls_first=True)],
                'constraints': [models.UniqueConstraint(fields=('category', 'item_type', 'branch'), name='one_rule_per_combination', nulls_distinct=False, violation_error_message='There is a rule for this combination already.'), models.CheckConstraint(condition=models.Q(('category__isnull', False), ('item_type__isnull', False), ('branch__isnull', False), models.Q(('auto_renew__isnull', False), ('cap_at_copy_price__isnull', False), ('due_on_closed__isnull', False), ('fine_amount__isnull', False), ('fine_counts_closed_days__isnull', False), ('fine_period_days__isnull', False), ('fixed_due_mode__isnull', False), ('grace_days__isnull', False), ('grace_is_charged__isnull', False), ('loan_period__isnull', False), ('loan_period_unit__isnull', False), ('loanable__isnull', False), ('lost_after_days__isnull', False), ('max_loans__isnull', False), ('max_renewals__isnull', False), ('max_reservations__isnull', False), ('max_reservations_per_book__isnull', False), ('on_shelf__isnull', False), ('period_counts__isnull', False), ('pickup_open_days__isnull', False), ('processing_fee__isnull', False), ('refund_within_days__isnull', False), ('remind_before_days__isnull', False), ('remind_overdue_days__isnull', False), ('renew_from__isnull', False), ('replacement_fee__isnull', False), ('reservable__isnull', False), ('reservation_fee__isnull', False), ('suspension_days_per_day__isnull', False)), _connector='OR'), name='default_rule_is_complete', violation_error_message='The default rule must give every value: nothing is left to inherit from.'), models.CheckConstraint(condition=models.Q(models.Q(('replacement_fee', 'set_amount'), _negated=True), ('replacement_amount__isnull', False), _connector='OR'), name='set_replacement_has_its_amount', violation_error_message="Give the replacement amount, or let the copy's price count."), models.CheckConstraint(condition=models.Q(('fine_amount__gte', 0), ('fine_cap__gte', 0), ('processing_fee__gte', 0), ('replacement_amount__gte', 0), ('reservation_fee__gte', 0)), name='rule_amounts_are_not_negative', violation_error_message='Amounts cannot be negative.'), models.CheckConstraint(condition=models.Q(('fine_period_days__gte', 1), ('loan_period__gte', 1), ('pickup_open_days__gte', 1), ('remind_every_days__gte', 1), ('renewal_period__gte', 1)), name='rule_periods_are_positive', violation_error_message='Periods are 1 or longer.'), models.CheckConstraint(condition=models.Q(('due_on_closed__in', ['keep', 'next_open', 'previous_open']), ('fixed_due_mode__in', ['at_latest', 'exactly']), ('loan_period_unit__in', ['days', 'hours']), ('on_shelf__in', ['always', 'when_all_out']), ('period_counts__in', ['all_days', 'open_days']), ('renew_from__in', ['due', 'now']), ('replacement_fee__in', ['copy_price', 'set_amount'])), name='rule_choices_are_known'), models.CheckConstraint(condition=models.Q(models.Func(models.F('remind_before_days'), output_field=models.BooleanField(), template='0 <= ALL(%(expressions)s)'), models.Func(models.F('remind_overdue_days'), output_field=models.BooleanField(), template='0 <= ALL(%(expressions)s)')), name='rule_reminders_are_days', violation_error_message='Days of reminders are whole numbers, 0 or more.')],
            },
        ),
    ]
