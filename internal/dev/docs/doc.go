// Package docs holds the tests of README.md and of the pages under docs: every command that
// they show is run, every file is written and every plan validated, in the order of the page,
// every link leads somewhere, and every error that is explained exists.
//
// A block of the language console is a transcript: its commands follow "$ ", and their output
// must be the one that is shown. Where the page has "...", the output may have any text, and
// on a line of its own any lines. Times may differ. A command that fails is followed by
// "$ echo $?". A block behind a line that ends with a name in backquotes and a colon is a
// file of that name.
// Pages run in a folder of their own, beside a copy of the examples. Addresses on 127.0.0.1
// get ports that are free.
package docs
