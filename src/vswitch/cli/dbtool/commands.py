"""The commands of ovsdb-tool.  Each imports no more than it runs: to print a version must not take long.

Sources: ovsdb-tool(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vswitch.base.options import CommandError, Given
from vswitch.cli.command import CommandTable
from vswitch.cli.dbtool.defaults import default_database, default_schema
from vswitch.cli.dbtool.headers import STANDALONE, is_clustered, is_in_etcd, kind_of, read_schema, schema_of

commands = CommandTable()


@commands("create", "[DB [SCHEMA]]")
def create(given: Given, database: str = "", schema: str = "") -> None:
    """Make an empty database."""
    from vswitch.cli.dbtool import contents

    contents.create(database or default_database(), read_schema(schema or default_schema()))


@commands("compact", "[DB [DST]]")
def compact(given: Given, database: str = "", destination: str = "") -> None:
    """Write the present state only."""
    from vswitch.cli.dbtool import contents

    contents.compact(database or default_database(), destination)


@commands("convert", "[DB [SCHEMA [DST]]]")
def convert(given: Given, database: str = "", schema: str = "", destination: str = "") -> None:
    """Write the present state under another schema."""
    from vswitch.cli.dbtool import contents

    parsed = read_schema(schema or default_schema())
    contents.convert(database or default_database(), destination, parsed)


@commands("needs-conversion", "[DB [SCHEMA]]")
def needs_conversion(given: Given, database: str = "", schema: str = "") -> Iterable[str]:
    """Whether the schemas differ."""
    ours = schema_of(database or default_database()).to_json()
    wanted = read_schema(schema or default_schema()).to_json()
    yield "no" if ours == wanted else "yes"


@commands("db-name", "[DB]")
def db_name(given: Given, database: str = "") -> Iterable[str]:
    """The name of a database."""
    place = database or default_database()
    if is_clustered(place):
        from vswitch.cli.dbtool import clusters

        yield clusters.name_of(given, place)
    else:
        yield schema_of(place).name


@commands("db-version", "[DB]")
def db_version(given: Given, database: str = "") -> Iterable[str]:
    """The version of a database's schema."""
    yield schema_of(database or default_database()).version


@commands("db-cksum", "[DB]")
def db_cksum(given: Given, database: str = "") -> Iterable[str]:
    """The checksum of a database's schema."""
    yield schema_of(database or default_database()).cksum


@commands("db-is-standalone", "DB")
def db_is_standalone(given: Given, database: str) -> None:
    """Succeed if it is."""
    if is_in_etcd(database) or kind_of(database) is not STANDALONE:
        raise CommandError("", 2)


@commands("db-is-clustered", "DB")
def db_is_clustered(given: Given, database: str) -> None:
    """Succeed if it is."""
    if not is_clustered(database):
        raise CommandError("", 2)


@commands("create-cluster", "DB CONTENTS [LOCAL]")
def create_cluster(given: Given, database: str, contents: str, local: str = "") -> None:
    """Make a clustered database."""
    from vswitch.cli.dbtool import clusters

    clusters.create_cluster(given, database, contents, local)


@commands("join-cluster", "DB NAME [LOCAL REMOTE...]")
def join_cluster(given: Given, database: str, name: str, *addresses: str) -> None:
    """Prepare a server's file for joining a cluster."""
    from vswitch.cli.dbtool import clusters

    clusters.join_cluster(given, database, name, addresses)


@commands("cluster-to-standalone", "DB CLUSTERDB")
def cluster_to_standalone(given: Given, database: str, clustered: str) -> None:
    """Make a standalone database of a clustered one."""
    from vswitch.cli.dbtool import clusters

    clusters.to_standalone(given, database, clustered)


@commands("check-cluster", "DB...")
def check_cluster(given: Given, *databases: str) -> Iterator[str]:
    """Compare the files of a cluster's servers."""
    from vswitch.cli.dbtool import clusters

    return clusters.check(given, databases)


@commands("db-cid", "DB")
def db_cid(given: Given, database: str) -> Iterable[str]:
    """The id of a cluster."""
    from vswitch.cli.dbtool import clusters

    yield clusters.cid_of(given, database)


@commands("db-sid", "DB")
def db_sid(given: Given, database: str) -> Iterable[str]:
    """The id of a cluster's server."""
    from vswitch.cli.dbtool import clusters

    yield clusters.server_fact(given, database, "server_id")


@commands("db-local-address", "DB")
def db_local_address(given: Given, database: str) -> Iterable[str]:
    """The address of a cluster's server."""
    from vswitch.cli.dbtool import clusters

    yield clusters.server_fact(given, database, "local_address")


@commands("schema-name", "[SCHEMA]")
def schema_name(given: Given, schema: str = "") -> Iterable[str]:
    """The name of a schema."""
    yield read_schema(schema or default_schema()).name


@commands("schema-version", "[SCHEMA]")
def schema_version(given: Given, schema: str = "") -> Iterable[str]:
    """The version of a schema."""
    yield read_schema(schema or default_schema()).version


@commands("schema-cksum", "[SCHEMA]")
def schema_cksum(given: Given, schema: str = "") -> Iterable[str]:
    """The checksum of a schema."""
    yield read_schema(schema or default_schema()).cksum


@commands("compare-versions", "A OP B")
def compare_versions(given: Given, a: str, relation: str, b: str) -> None:
    """Succeed if the relation holds."""
    left, right = _version(a), _version(b)
    relations = {
        "<": left < right,
        "<=": left <= right,
        "==": left == right,
        ">=": left >= right,
        ">": left > right,
        "!=": left != right,
    }
    if relation not in relations:
        raise CommandError(f"{relation}: not a relational operator")
    if not relations[relation]:
        raise CommandError("", 2)


@commands("list-commands")
def list_commands(given: Given) -> Iterable[str]:
    """Every command."""
    return commands.listing()


@commands("query", "[DB] TRNS")
def query(given: Given, *words: str) -> Iterable[str]:
    """Read."""
    from vswitch.cli.dbtool import contents

    yield contents.query(*_of_database(words), given.get("rbac-role") or "")


@commands("transact", "[DB] TRNS")
def transact(given: Given, *words: str) -> Iterable[str]:
    """Read and write."""
    from vswitch.cli.dbtool import contents

    yield contents.transact(*_of_database(words), given.get("rbac-role") or "")


def _of_database(words: tuple[str, ...]) -> tuple[str, str]:
    """The database, and what is to be done to it."""
    return (default_database(), words[0]) if len(words) == 1 else (words[0], words[1])


@commands("show-log", "[DB]")
def show_log(given: Given, database: str = "") -> Iterator[str]:
    """Print the records: what they say with -m, and the columns with -mm."""
    place, more = database or default_database(), len(given.all("more"))
    if is_clustered(place):
        from vswitch.cli.dbtool import clusters, showcluster

        if is_in_etcd(place):
            return showcluster.show_etcd(place, clusters.credentials_of(given), more)
        return showcluster.show_file(place, more)
    from vswitch.cli.dbtool import showlog

    return showlog.show_log(place, more)


def _version(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split("."))
    except ValueError:
        numbers = ()
    if len(numbers) != 3:
        raise CommandError(f"{text}: not an OVSDB version number in format x.y.z")
    return numbers
