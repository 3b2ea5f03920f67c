"""Evaluates queries with SaxonC-HE: reads a JSON string a line, answers ["result", text] or ["error", code] as JSON.

A process of its own: Saxon's machine ends a process in which one of its objects is freed by another thread.
"""

import json
import re
import sys

import saxonche


def main() -> None:
    with saxonche.PySaxonProcessor(license=False) as processor:
        for line in sys.stdin:
            run = processor.new_xquery_processor()
            try:
                run.set_query_content(json.loads(line))
                answer = ["result", run.run_query_to_string() or ""]
            except saxonche.PySaxonApiError as error:
                found = re.search(r"\b([A-Z]{4}\d{4})\b", str(error))
                answer = ["error", found[1] if found else str(error)]
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
