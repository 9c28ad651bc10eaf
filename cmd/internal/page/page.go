// Package page makes pages.
package page
