// A conversation of Go's libovsdb with a database server: libovsdb_client HOST PORT.
//
// It prints what it learns, a line of JSON each: the databases, the tables with their columns' types, what a monitor
// shows at first, the results of transactions, and the updates that they bring.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/socketplane/libovsdb"
)

const database = "Open_vSwitch"

type watcher struct{ updates chan libovsdb.TableUpdates }

func (w watcher) Update(context interface{}, updates libovsdb.TableUpdates) { w.updates <- updates }
func (w watcher) Locked([]interface{})                                      {}
func (w watcher) Stolen([]interface{})                                      {}
func (w watcher) Echo([]interface{})                                        {}
func (w watcher) Disconnected(*libovsdb.OvsdbClient)                        {}

func tell(what string, value interface{}) {
	text, err := json.Marshal(value)
	check(err)
	fmt.Printf("%s %s\n", what, text)
}

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func main() {
	port, err := strconv.Atoi(os.Args[2])
	check(err)
	client, err := libovsdb.Connect(os.Args[1], port)
	check(err)
	databases, err := client.ListDbs()
	check(err)
	tell("databases", databases)
	schema, err := client.GetSchema(database)
	check(err)
	tell("schema", schema)

	watch := watcher{make(chan libovsdb.TableUpdates, 10)}
	client.Register(watch)
	initial, err := client.MonitorAll(database, "")
	check(err)
	tell("initial", initial)

	bridge := libovsdb.UUID{GoUUID: "bridge"}
	set, err := libovsdb.NewOvsSet([]libovsdb.UUID{bridge})
	check(err)
	ids, err := libovsdb.NewOvsMap(map[string]string{"by": "libovsdb"})
	check(err)
	insert := libovsdb.Operation{
		Op: "insert", Table: "Bridge", UUIDName: "bridge",
		Row: map[string]interface{}{"name": "br0", "external_ids": ids},
	}
	mutate := libovsdb.Operation{
		Op: "mutate", Table: "Open_vSwitch",
		Mutations: []interface{}{libovsdb.NewMutation("bridges", "insert", set)},
		Where:     []interface{}{libovsdb.NewCondition("cur_cfg", "==", 0)},
	}
	named := []interface{}{libovsdb.NewCondition("name", "==", "br0")}
	show := libovsdb.Operation{Op: "select", Table: "Bridge", Where: named, Columns: []string{"name", "external_ids"}}
	wrong := libovsdb.Operation{Op: "update", Table: "Bridge", Where: named, Row: map[string]interface{}{"name": 5}}
	for _, operations := range [][]libovsdb.Operation{{insert, mutate}, {show}, {wrong}} {
		results, err := client.Transact(database, operations...)
		check(err)
		tell("results", results)
	}
	select {
	case updates := <-watch.updates:
		tell("update", updates)
	case <-time.After(10 * time.Second):
		fmt.Println("failed: no update")
		os.Exit(1)
	}
	client.Disconnect()
}
