"""The library: articles, tables and the engine that finds the one that answers.

- library: ``Library.load(...)`` and ``library.ask(...)``, the way in.
- articles, markup: files to ``Article`` values; Markdown to plain text and to Telegram's HTML.
- files: everything of the shipped library that is read from disk.
- timetable, dates, last_days: trading hours, days of the calendar, expiries, answered from tables.
- contracts: ``contracts.csv`` to ``ContractSpec`` as of a day.
- understanding, slots: what is meant before the library is searched; calculation: figures and their text.
- lexicon, features, index, training, confidence: the search; cache: built indexes on disk.
"""
