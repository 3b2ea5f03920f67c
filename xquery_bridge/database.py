"""The one database there is, by the name and the id that requests and `xdmp:database` know it by."""

DATABASE_NAME = "Documents"
#: An xs:unsignedLong, as MarkLogic's ids are.
DATABASE_ID = 5212718423118436341
