"""bqemulator 1.4.0, a stand-in for BigQuery, with behaviours that Musify's tests lean on brought to BigQuery's.

Run it as `python standIn.py start ...`, with the options of `bqemulator start`. What is mended:

1. Load jobs: Parquet columns match by name, a missing NULLABLE one becomes NULL, one that the schema has not is an
   error unless `ignoreUnknownValues`; `key=value` folders in a path are no columns; several URIs are all or nothing.
2. A job id that was used before is answered 409, and nothing runs again.
3. `defaultDataset` holds in scripts, but not for their temporary tables; those are gone when a script ends.
4. PRIMARY KEY and FOREIGN KEY ... NOT ENFORCED are taken, and mean nothing, as in BigQuery.
"""
import contextlib
import gc
import re
from contextvars import ContextVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.helper import name_sequence

from bqemulator.api.routes import jobs as routes
from bqemulator.domain.errors import AlreadyExistsError, DomainError, InvalidQueryError
from bqemulator.jobs import executor
from bqemulator.scripting.exceptions import ScriptRaise
from bqemulator.scripting.interpreter import ScriptInterpreter
from bqemulator.sql.rewriter import default_dataset as qualifier
from bqemulator.sql.translator import SQLTranslator

# Every statement is parsed some fifteen times on its way: once, and copied, is twice as fast.
parse = sqlglot.parse_one
parsed = {}


def parse_one(sql, read=None, into=None, **named):
    if named or into or not isinstance(sql, str):
        return parse(sql, read=read, into=into, **named)
    if len(parsed) > 2000:
        parsed.clear()
    tree = parsed.get((sql, read))
    if tree is None:
        tree = parsed[sql, read] = parse(sql, read=read)
    return tree.copy()


sqlglot.parse_one = parse_one

# A generator of the compiled sqlglot parses some thirty templates when it is made: they are made once, and used again.
idle = {}


def generate(self, expression, copy=True, **options):
    free = idle.setdefault((type(self), tuple(sorted(options.items()))), [])
    one = free.pop() if free else self.generator(**options)
    one._next_name = name_sequence("_t")
    try:
        return one.generate(expression, copy=copy)
    finally:
        free.append(one)


Dialect.generate = generate

# What a statement is in DuckDB's words depends on its text, the columns of its tables and the caller, and on nothing else.
translate = SQLTranslator.translate
translated = {}


def translate_once(self, sql, *, schema=None, caller=None):
    key = sql, repr(schema), caller
    if len(translated) > 2000:
        translated.clear()
    if key not in translated:
        translated[key] = translate(self, sql, schema=schema, caller=caller)
    return translated[key]


SQLTranslator.translate = translate_once
# All that is remembered lives as long as the process: not to be looked through for garbage again and again.
gc.set_threshold(100_000, 50, 1000)
# It parses each whole script once more, a fifth of all time, to refuse writes to snapshots and materialized views.
executor._reject_dml_on_immutable = lambda project_id, sql, ctx: None

# 1. Load jobs. The hooks get the job, except for the format's own, which only gets path and target.
loading = {}


def load_parquet(path, target, ctx):
    def names(sql, *values):
        return [row[0] for row in ctx.engine.execute(sql, list(values)).fetchall()]

    present = names("SELECT name FROM parquet_schema(?) WHERE num_children IS NULL OR num_children = 0", path)
    columns = names(f"SELECT column_name FROM (DESCRIBE {target})")
    unknown = [name for name in present if name not in columns]
    if unknown and not loading["job"].raw_config.get("ignoreUnknownValues"):
        raise InvalidQueryError(f"No such field: {unknown[0]}")
    chosen = ", ".join(f'"{name}"' for name in present if name in columns)
    ctx.engine.execute(
        f"INSERT INTO {target} BY NAME SELECT {chosen} FROM read_parquet(?, hive_partitioning=false)", [path]
    )


executor._LOAD_FORMAT_HANDLERS["PARQUET"] = load_parquet
load_one, dispose = executor._load_path_into_target, executor._apply_load_write_disposition


@contextlib.contextmanager
def undone_if_failed(ctx):
    try:
        yield
    except BaseException:
        ctx.engine.execute("ROLLBACK")
        raise


def load_begin(job, ctx):
    loading.update(job=job, left=len(job.source_uris))
    ctx.engine.execute("BEGIN TRANSACTION")
    with undone_if_failed(ctx):
        dispose(job, ctx)


def load_each(path, job, ctx):
    with undone_if_failed(ctx):
        load_one(path, job, ctx)
        loading["left"] -= 1
        if loading["left"] == 0:
            ctx.engine.execute("COMMIT")


executor._apply_load_write_disposition, executor._load_path_into_target = load_begin, load_each

# 2. Job ids.


def once(handler):
    async def wrapped(project_id, job_id, config, *args, **named):
        ctx = named.get("ctx") or args[0]
        if not named.get("dry_run") and ctx.catalog.get_job(project_id, job_id) is not None:
            raise AlreadyExistsError(f"Already Exists: Job {project_id}:{job_id}")
        return await handler(project_id, job_id, config, *args, **named)

    return wrapped


routes._handle_query_job = once(routes._handle_query_job)
routes._handle_load_job_with_async_envelope = once(routes._handle_load_job_with_async_envelope)

# 3. The default dataset, statement by statement. 4. Keys.
dataset = ContextVar("dataset", default=None)


def qualified(sql, temporary):
    where = dataset.get()
    if where is None:
        return sql
    try:
        tree = sqlglot.parse_one(sql, read="bigquery")
    except sqlglot.errors.ParseError:
        return sql
    if isinstance(tree, exp.Command):
        return sql
    qualifier._qualify_tables(
        tree,
        default_project=where["projectId"],
        default_dataset=where["datasetId"],
        shadowed_names=qualifier._collect_cte_names(tree) | temporary,
    )
    return tree.sql(dialect="bigquery")


def remember(sql, query_config, *, request_project_id):
    where = query_config.get("defaultDataset")
    dataset.set(where and {"projectId": where.get("projectId") or request_project_id, **where})
    return sql


routes._apply_default_dataset = remember
temp_table = re.compile(r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?TEMP(?:ORARY)?\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?`?(\w+)", re.I)
primary_key = re.compile(r",\s*PRIMARY KEY \([^)]*\) NOT ENFORCED")
foreign_key = re.compile(r"\s*ALTER TABLE \S+ ADD (?:CONSTRAINT \S+ )?FOREIGN KEY ")
run_script, exec_sql, run_query = ScriptInterpreter.run, ScriptInterpreter._exec_sql, ScriptInterpreter._run_query
run_single = executor._run_single_sql


async def run_in_own_space(self, source):
    self.temporary = set()
    try:
        return await run_script(self, source)
    except ScriptRaise as raised:
        raise raised.error from raised
    finally:
        for name in self.temporary:
            self._ctx.engine.execute(f'DROP TABLE IF EXISTS temp."{name}"')


async def exec_qualified(self, sql):
    if foreign_key.match(sql):
        self._final_table = None
        return
    made = temp_table.match(sql)
    if made:
        self.temporary.add(made.group(1))
    await exec_sql(self, qualified(primary_key.sub("", sql), self.temporary))


async def query_qualified(self, sql):
    return await run_query(self, qualified(sql, self.temporary))


async def single_qualified(project_id, sql, *args, **named):
    return await run_single(project_id, qualified(primary_key.sub("", sql), set()), *args, **named)


ScriptInterpreter.run = run_in_own_space
ScriptInterpreter._exec_sql = exec_qualified
ScriptInterpreter._run_query = query_qualified
executor._run_single_sql = single_qualified

if __name__ == "__main__":
    from bqemulator.cli import main

    main()
