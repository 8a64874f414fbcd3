// Package web holds the pages of the office: Svelte sources under src, and the Go code that embeds what they are built
// to and serves it.
//
// The pages use the API of the office like everybody. The program has them when dist was built before it (make ui);
// without them every screen says so, and the API works. All texts exist in Dutch, French and English.
package web
