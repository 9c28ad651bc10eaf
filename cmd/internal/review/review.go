// Package review is for those who look at a diff before it is applied: it writes a diff as
// Markdown for a comment, keeps it in a file, and finds what is no longer as it was when it
// was kept. It knows neither how a diff is made nor flags.
package review
