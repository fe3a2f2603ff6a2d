"""The page in a real Chromium on a real Airflow: run by ``make test-page``."""

#: Users of the site: who may do everything, and who sees no XCom.
ADMIN, WITHOUT_RIGHTS = "anna", "vera"
