package embedded

// confinement lists the files and ports that the engine's threads may use. Grants do not suffice: with SELECT
// file('...') or INSERT ... FROM INFILE an account reads any file that this user can read. Other functions connect to
// other machines. With the confinement by the kernel no statement reaches a file, a program or a machine beyond the
// lists.
type confinement struct {
	Write   []string // directories and files to read, write and make
	Read    []string // directories and files to read
	Bind    []uint16 // TCP ports to listen on
	Connect []uint16 // TCP ports to connect to
}

// confinementOf lists the needs of an engine.
func confinementOf(library string, c *serverConfig) confinement {
	out := confinement{
		Write: []string{c.DataDir, c.BackupDir, "/dev/null"},
		Read: []string{
			library, "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share/zoneinfo", "/lib", "/lib32", "/lib64", "/sys",
			"/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf",
			"/proc/self", "/proc/meminfo", "/proc/stat", "/proc/cpuinfo", "/proc/loadavg", "/proc/uptime", "/proc/version", "/proc/vmstat",
			"/proc/diskstats", "/proc/sys", "/dev/zero", "/dev/urandom", "/dev/random",
		},
		Bind: []uint16{uint16(c.NativePort)}, Connect: c.Reach,
	}
	if c.HTTPPort != 0 {
		out.Bind = append(out.Bind, uint16(c.HTTPPort))
	}
	return out
}
