//go:build !linux

package refdata

func adviseHugePages([]vehicleRecord) {}
