"""What must be true of notices: found broken by `manage.py check_integrity`."""

from django.utils.translation import gettext_lazy as _

from library.core.integrity import Check

CHECKS = (
    Check(
        code="notice_goes_out_once",
        says=_("Every cause has one notice."),
        mend=_("Delete the later of the two, if its letter has not been sent."),
        sql="""
            SELECT key AS notice, count(*) AS notices FROM notifications_notice
            GROUP BY key HAVING count(*) > 1 ORDER BY min(id)
        """,
    ),
    Check(
        code="notice_is_in_its_letter",
        says=_("A notice goes out in a letter to its own reader, about the same event."),
        mend=_("Set the notice's letter to NULL if the letter has not been sent: it is put into another."),
        sql="""
            SELECT notice.key AS notice, letter.uid AS letter FROM notifications_notice AS notice
            JOIN notifications_letter AS letter ON letter.id = notice.letter_id
            WHERE letter.reader_id <> notice.reader_id
               OR (letter.event <> notice.event OR letter.stage <> notice.stage)
                  AND NOT (letter.event = 'digest' AND notice.is_daily)
            ORDER BY notice.id
        """,
    ),
    Check(
        code="sent_letter_has_its_time",
        says=_("A letter has the time of its sending exactly when it was sent."),
        mend=_("Look for the letter in the log of the mail server and set its status and time accordingly."),
        sql="""
            SELECT uid AS letter, status, sent_at FROM notifications_letter
            WHERE (status = 'sent') <> (sent_at IS NOT NULL) ORDER BY id
        """,
    ),
    Check(
        code="edited_words_render",
        says=_("Letters can be written with the library's own words."),
        mend=_("Open the words of the letter on the panel and correct them; until then the built-in ones are sent."),
        sql="""
            SELECT event, language, kind, failure FROM notifications_lettertemplate
            WHERE failed_at IS NOT NULL ORDER BY id
        """,
    ),
)
