// The names and words in a certificate, as text.
//
// Whoever made the certificate chose what stands in them, so all text that
// comes from here is UTF-8 and has what is not printable escaped: "\0A" in
// names of subjects and issuers, as RFC 4514 writes it, "\x0a" elsewhere. Pure
// functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_CERTIFICATE_NAMES_H_
#define TLSD_SERVER_TLS_CERTIFICATE_NAMES_H_

#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>
#include <vector>

#include "server/tls/certificate_facts.h"

namespace tlsd::tls {

// DescribeName returns `name` in one line, in its own order: "C=DE, O=a\, b".
// The attributes of one that has several parts are joined: "CN=a + OU=b".
std::string DescribeName(const X509_NAME* name);

// DescribeAttributes returns the attributes of `name`, in its own order. Only
// what is not printable, and the backslash, is escaped in them.
std::vector<NameAttribute> DescribeAttributes(const X509_NAME* name);

// DescribeGeneralName returns `name` with its kind: "DNS:", "IP:", "URI:",
// "email:", "DirName:", "RID:" and "othername:", which is followed by its
// object identifier and, if that is text, its value. Other kinds, which nobody
// uses, are empty.
std::string DescribeGeneralName(const GENERAL_NAME* name);

// DescribeIa5 returns a string that should be ASCII, e.g. a URI.
std::string DescribeIa5(const ASN1_STRING* text);

// DescribeObject returns the short name of `object`, e.g. "serverAuth", or its
// identifier if it has none.
std::string DescribeObject(const ASN1_OBJECT* object);

// ObjectIdentifier returns "1.3.6.1.5.5.7.3.1".
std::string ObjectIdentifier(const ASN1_OBJECT* object);

// DescribeTime returns `time` as OpenSSL does, "Nov 22 08:00:00 2026 GMT";
// "Bad time value" if it is none.
std::string DescribeTime(const ASN1_TIME* time);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CERTIFICATE_NAMES_H_
