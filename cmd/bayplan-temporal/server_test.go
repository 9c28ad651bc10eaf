package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	serverlog "go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/testing/freeport"
	"go.temporal.io/server/schema"
	postgresqlschema "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

// A serverSetup is how a server of Temporal is set up. It keeps its data in a file of SQLite, or in
// PostgreSQL.
type serverSetup struct {
	Port     string
	File     string // of SQLite
	Postgres string // address of PostgreSQL, instead of File

	Certificates string // directory with those of newCertificates; "": without TLS
	Keys         string // URI of the keys that sign tokens; "": everybody may do everything
	Namespaces   []string
}

// text returns the setup as an argument of a program.
func (s serverSetup) text() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // it has only texts
	}
	return string(b)
}

// serve is a server of Temporal that runs until it is killed.
func serve(text string) {
	var s serverSetup
	err := json.Unmarshal([]byte(text), &s)
	if err == nil {
		err = s.serve()
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("serving")
	select {} // it is killed
}

func (s serverSetup) serve() error {
	stores, err := s.stores()
	if err != nil {
		return err
	}
	for _, name := range append(s.Namespaces, "default") {
		namespace, err := sqlite.NewNamespaceConfig("active", name, false, nil)
		if err == nil {
			err = sqlite.CreateNamespaces(stores["default"].SQL, namespace) // it asks for no SQLite
		}
		if err != nil {
			return err
		}
	}
	conf, err := s.config(stores)
	if err != nil {
		return err
	}
	logger := serverlog.NewNoopLogger()
	authorizer, err := authorization.GetAuthorizerFromConfig(&conf.Global.Authorization)
	if err != nil {
		return err
	}
	mapper, err := authorization.GetClaimMapperFromConfig(&conf.Global.Authorization, logger)
	if err != nil {
		return err
	}
	var services []string
	for name := range conf.Services {
		services = append(services, name)
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(conf), temporal.ForServices(services), temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer), temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return mapper }),
	)
	if err != nil {
		return err
	}
	return server.Start()
}

// stores returns the databases, which are made if they are not there.
func (s serverSetup) stores() (map[string]config.DataStore, error) {
	if s.Postgres == "" {
		db := &config.SQL{PluginName: sqliteplugin.PluginName, DatabaseName: s.File, ConnectAttributes: map[string]string{"mode": "rwc"}}
		all := map[string]config.DataStore{"default": {SQL: db}, "visibility": {SQL: db}}
		if _, err := os.Stat(s.File); errors.Is(err, fs.ErrNotExist) {
			return all, sqlite.SetupSchema(db)
		}
		return all, nil
	}
	all := map[string]config.DataStore{}
	for store, about := range map[string]struct{ schema, version string }{
		"default":    {"temporal", postgresqlschema.Version},
		"visibility": {"visibility", postgresqlschema.VisibilityVersion},
	} {
		db := &config.SQL{
			PluginName: postgresql.PluginName, DatabaseName: about.schema, ConnectAddr: s.Postgres, ConnectProtocol: "tcp", User: "postgres",
			MaxConns: 10, MaxIdleConns: 10,
		}
		all[store] = config.DataStore{SQL: db}
		if err := setupPostgres(db, about.schema, about.version); err != nil {
			return nil, fmt.Errorf("set up the database %s: %w", about.schema, err)
		}
	}
	return all, nil
}

// setupPostgres makes a database with its tables.
func setupPostgres(db *config.SQL, folder, version string) error {
	open := func(name string) (sqlplugin.AdminDB, error) {
		to := *db
		to.DatabaseName = name
		return sql.NewSQLAdminDB(sqlplugin.DbKindUnknown, &to, resolver.NewNoopResolver(), serverlog.NewNoopLogger(), metrics.NoopMetricsHandler)
	}
	admin, err := open("postgres")
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.CreateDatabase(db.DatabaseName); err != nil {
		return err
	}
	tables, err := open(db.DatabaseName)
	if err != nil {
		return err
	}
	defer tables.Close()
	if _, err := tables.ReadSchemaVersion(db.DatabaseName); err == nil {
		return nil // a server has made them
	}
	text, err := fs.ReadFile(schema.Assets(), "postgresql/v12/"+folder+"/schema.sql")
	if err != nil {
		return err
	}
	statements, err := persistence.LoadAndSplitQueryFromReaders([]io.Reader{bytes.NewReader(text)})
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if err := tables.Exec(statement); err != nil {
			return err
		}
	}
	return errors.Join(tables.CreateSchemaVersionTables(), tables.UpdateSchemaVersion(db.DatabaseName, version, version))
}

// config returns the configuration of the server.
func (s serverSetup) config(stores map[string]config.DataStore) (*config.Config, error) {
	port, err := strconv.Atoi(s.Port)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + s.Port
	service := func(port int) config.Service {
		return config.Service{RPC: config.RPC{GRPCPort: port, MembershipPort: lowPort(), BindOnLocalHost: true}}
	}
	c := &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: "127.0.0.1"}},
		Persistence: config.Persistence{
			DefaultStore: "default", VisibilityStore: "visibility", NumHistoryShards: 1, DataStores: stores,
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: "active", CurrentClusterName: "active",
			ClusterInformation: map[string]cluster.ClusterInformation{"active": {Enabled: true, InitialFailoverVersion: 1, RPCAddress: address}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			"frontend": service(port), "history": service(freeport.MustGetFreePort()),
			"matching": service(freeport.MustGetFreePort()), "worker": service(freeport.MustGetFreePort()),
		},
		Archival: config.Archival{
			History: config.HistoryArchival{State: "disabled"}, Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History: config.HistoryArchivalNamespaceDefaults{State: "disabled"}, Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
	}
	if s.Keys == "" {
		c.PublicClient.HostPort = address
	} else {
		// The server's own worker has no token, and asks a frontend of its own.
		c.Services[string(primitives.InternalFrontendService)] = service(freeport.MustGetFreePort())
		c.Global.Authorization = config.Authorization{
			Authorizer: "default", ClaimMapper: "default", JWTKeyProvider: config.JWTKeyProvider{KeySourceURIs: []string{s.Keys}, RefreshInterval: time.Hour},
		}
	}
	if s.Certificates != "" {
		c.Global.TLS = s.tls()
	}
	return c, nil
}

// nextPort is where lowPort looks next.
var nextPort = 7 * os.Getpid()

// lowPort returns a free port below 32768: in PostgreSQL, Temporal keeps the ports of its services in
// signed columns of two bytes.
func lowPort() int {
	for ; ; nextPort++ {
		port := 20000 + nextPort%12000
		if ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			_ = ln.Close()
			nextPort++
			return port
		}
	}
}

// tls returns the settings of TLS: all clients, and the services among themselves, have to show
// certificates.
func (s serverSetup) tls() config.RootTLS {
	file := func(name string) string { return filepath.Join(s.Certificates, name) }
	group := config.GroupTLS{
		Server: config.ServerTLS{CertFile: file("server.pem"), KeyFile: file("server.key"), ClientCAFiles: []string{file("ca.pem")}, RequireClientAuth: true},
		Client: config.ClientTLS{ServerName: serverName, RootCAFiles: []string{file("ca.pem")}},
	}
	return config.RootTLS{
		Internode: group, Frontend: group,
		SystemWorker: config.WorkerTLS{CertFile: file("server.pem"), KeyFile: file("server.key"), Client: group.Client},
	}
}

// serverName is what the server's certificate is for.
const serverName = "temporal.example.com"
