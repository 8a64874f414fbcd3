//go:build !linux

package dedup

// adviseHugePages does nothing: only Linux takes the advice.
func adviseHugePages[T any]([]T) {}
