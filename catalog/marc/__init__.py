"""MARC records: read from files whatever their state, understood, written back.

`reading` cuts files into records, `encodings` guesses their letters, `record` is a record in memory, `marc21` and
`unimarc` say what its fields mean, `writing` makes ISO 2709 and MARCXML. Nothing here touches the database.
"""
