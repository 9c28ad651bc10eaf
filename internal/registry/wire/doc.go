// Package wire holds one HTTP conversation with a container registry: it shows
// the registry the credentials that it asks for, repeats requests that may be
// repeated, goes on with a blob that was cut off, bounds and checks what the
// registry sends, and explains errors. It knows the paths of the registry API,
// but nothing of images, layouts and transfers.
//
// It stands between regclient and the network, because regclient slows down a
// whole host after each error and follows links and redirects with credentials.
package wire
