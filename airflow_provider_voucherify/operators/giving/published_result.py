"""What a task that publishes told, for a retry of it. Imported at run time only."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.kept import KeptResult
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.identity import hash_of_ids, identity_of, kind_of
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.http.settings import ApiSettings
    from airflow_provider_voucherify.api.models import JsonObject
    from airflow_provider_voucherify.load.mark import Mark
    from airflow_provider_voucherify.load.outcomes import OutcomeLedger
    from airflow_provider_voucherify.load.sql.marks import TableMarks
    from airflow_provider_voucherify.operators.giving.arguments import PublishTerms

log = logging.getLogger(__name__)


class PublishedResult:
    """Keeps what a task told by the keys of its XComs: beside the table of outcomes, or in the task state store.

    :param given: what each customer gets: the campaign, what a customer gets one code per, the metadata.
    :param customer_ids: everyone the run is about. They count, as each of them is to get a code.
    """

    def __init__(
        self,
        terms: PublishTerms,
        context: Context,
        settings: ApiSettings,
        given: JsonObject,
        customer_ids: Sequence[str],
    ) -> None:
        self._terms = terms
        self._once_per = str(given["once_per"])
        self._customer_ids = customer_ids
        job: JsonObject = {
            "project": [settings.base_url, settings.app_id],
            "customers": [*kind_of(terms.customers)],
            "unknown_customers": terms.unknown_customers,
            **given,
            "destination": repr(terms.destination),
        }
        #: Of the task's run.
        self.identity = identity_of(context, job, hash_of_ids(customer_ids))
        self._place = self._place_of(context)

    def find(self, ledger: OutcomeLedger) -> Mark | None:
        """Return the mark of the try that this one repeats; its report is what it told, by the keys of its XComs.

        :param ledger: where outcomes are; a table is opened to see that it still has one of everybody.
        """
        mark = None if self._terms.simulate else self._place.find()
        if mark is None or not self._stands(mark, ledger):
            return None
        log.info("The result was published before by try %d; nobody is asked", mark.try_number)
        return mark

    def keep(self, report: JsonObject) -> None:
        """Keep what is told, by the keys of XComs."""
        self._place.keep(report)

    def _stands(self, mark: Mark, ledger: OutcomeLedger) -> bool:
        if not isinstance(self._terms.destination, OutcomeTable):
            return True
        ledger.open(self._customer_ids)
        told = mark.report.get("return_value")
        campaign_id = str(told.get("campaign_id")) if isinstance(told, dict) else ""
        return len(ledger.held(campaign_id, self._once_per, self._customer_ids)) == len(self._customer_ids)

    def _place_of(self, context: Context) -> KeptResult | TableMarks:
        destination = self._terms.destination
        if not isinstance(destination, OutcomeTable):
            return KeptResult(context.get("task_state_store"), self.identity, utc_now)
        from airflow_provider_voucherify.load.sql.marks import TableMarks
        from airflow_provider_voucherify.load.sql.target import name_in, schema_of
        from airflow_provider_voucherify.operators.places import database_of
        from airflow_provider_voucherify.warehouse.database import Database

        database = Database(database_of(destination.conn_id))
        name = name_in(database, destination.validate())
        return TableMarks(database, name.table, schema_of(name, database), self.identity, utc_now)
