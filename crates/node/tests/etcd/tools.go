//go:build tools

// Package etcd names the programs that tests compare with, so that their versions
// stand in go.mod.
package etcd

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
