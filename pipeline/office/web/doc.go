// Package web holds the office's pages: Svelte sources in src, and Go code that embeds and serves the built pages.
//
// The pages call the same API as every other client. The program contains the pages if dist was built first (make ui).
// Without them, every screen says so, and the API still works. All texts exist in Dutch, French and English.
package web
