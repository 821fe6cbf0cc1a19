#include "server/tls/certificate_names.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/nid.h>
#include <openssl/obj.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "server/base/utf8.h"

namespace tlsd::tls {
namespace {

constexpr unsigned long kTextFlags =
    ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT;
// RFC 2253 escapes, so that no value can pass for a separator.
constexpr unsigned long kNameFlags =
    kTextFlags | XN_FLAG_SEP_CPLUS_SPC | ASN1_STRFLGS_ESC_2253;

template <typename Write>
std::string Print(Write write) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr) return "";
  write(bio.get());
  const uint8_t* data = nullptr;
  size_t size = 0;
  if (!BIO_mem_contents(bio.get(), &data, &size)) return "";
  return std::string(reinterpret_cast<const char*>(data), size);
}

// InvisibleSize returns the size of the character at the start of `text` if it
// is one that BoringSSL takes for printable, and yet shows nothing or turns
// around what stands next to it: C1 controls, U+200B to U+200F, U+2028 to
// U+202E, U+2060 to U+206F, and U+FEFF. Else 0.
size_t InvisibleSize(absl::string_view text) {
  const auto byte = [&](size_t i) -> uint8_t {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;
  if (absl::StartsWith(text, "\xef\xbb\xbf")) return 3;
  if (byte(0) != 0xe2) return 0;
  const bool is_invisible =
      (byte(1) == 0x80 && ((byte(2) >= 0x8b && byte(2) <= 0x8f) ||
                           (byte(2) >= 0xa8 && byte(2) <= 0xae))) ||
      (byte(1) == 0x81 && byte(2) >= 0xa0 && byte(2) <= 0xaf);
  return is_invisible ? 3 : 0;
}

std::string EscapeInvisible(absl::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const size_t size = InvisibleSize(text.substr(i));
    if (size == 0) result += text[i++];
    for (const size_t end = i + size; size > 0 && i < end; ++i) {
      absl::StrAppendFormat(&result, "\\%02X", static_cast<uint8_t>(text[i]));
    }
  }
  return result;
}

// `print` writes with the flags that it is given. A string whose bytes are not
// what its type says cannot be converted: it is shown byte by byte.
template <typename PrintWith>
std::string PrintText(unsigned long flags, PrintWith print) {
  bool printed = false;
  const std::string text =
      Print([&](BIO* bio) { printed = print(bio, flags) >= 0; });
  if (printed && base::IsValidUtf8(text)) return EscapeInvisible(text);
  const unsigned long bytes = (flags & ~ASN1_STRFLGS_UTF8_CONVERT) |
                              ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_IGNORE_TYPE;
  return Print([&](BIO* bio) { print(bio, bytes); });
}

std::string DescribeValue(const ASN1_STRING* value) {
  return PrintText(kTextFlags, [&](BIO* bio, unsigned long flags) {
    return ASN1_STRING_print_ex(bio, value, flags);
  });
}

absl::string_view StringBytes(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<size_t>(ASN1_STRING_length(value))};
}

std::string DescribeIpAddress(absl::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  const int family = bytes.size() == 4    ? AF_INET
                     : bytes.size() == 16 ? AF_INET6
                                          : AF_UNSPEC;
  if (family == AF_UNSPEC ||
      inet_ntop(family, bytes.data(), text, sizeof(text)) == nullptr) {
    return absl::BytesToHexString(bytes);
  }
  return text;
}

std::string DescribeOtherName(const OTHERNAME* name) {
  const std::string type = ObjectIdentifier(name->type_id);
  const ASN1_TYPE* value = name->value;
  if (value == nullptr) return type;
  switch (value->type) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_PRINTABLESTRING:
      return absl::StrCat(type, ":", DescribeValue(value->value.asn1_string));
    default:
      return type;
  }
}

}  // namespace

std::string DescribeName(const X509_NAME* name) {
  return PrintText(kNameFlags, [&](BIO* bio, unsigned long flags) {
    return X509_NAME_print_ex(bio, name, /*indent=*/0, flags);
  });
}

std::vector<NameAttribute> DescribeAttributes(const X509_NAME* name) {
  std::vector<NameAttribute> attributes;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    attributes.push_back({DescribeObject(X509_NAME_ENTRY_get_object(entry)),
                          DescribeValue(X509_NAME_ENTRY_get_data(entry))});
  }
  return attributes;
}

std::string DescribeGeneralName(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return absl::StrCat("DNS:", DescribeIa5(name->d.dNSName));
    case GEN_EMAIL:
      return absl::StrCat("email:", DescribeIa5(name->d.rfc822Name));
    case GEN_URI:
      return absl::StrCat("URI:",
                          DescribeIa5(name->d.uniformResourceIdentifier));
    case GEN_IPADD:
      return absl::StrCat("IP:",
                          DescribeIpAddress(StringBytes(name->d.iPAddress)));
    case GEN_DIRNAME:
      return absl::StrCat("DirName:", DescribeName(name->d.directoryName));
    case GEN_RID:
      return absl::StrCat("RID:", ObjectIdentifier(name->d.registeredID));
    case GEN_OTHERNAME:
      return absl::StrCat("othername:", DescribeOtherName(name->d.otherName));
    default:
      return "";
  }
}

std::string DescribeIa5(const ASN1_STRING* text) {
  std::string result;
  for (const char c : StringBytes(text)) {
    if (c == '\\') {
      result += "\\\\";
    } else if (absl::ascii_isprint(static_cast<unsigned char>(c))) {
      result += c;
    } else {
      absl::StrAppendFormat(&result, "\\x%02x", static_cast<uint8_t>(c));
    }
  }
  return result;
}

std::string DescribeObject(const ASN1_OBJECT* object) {
  const int nid = OBJ_obj2nid(object);
  const char* name = nid == NID_undef ? nullptr : OBJ_nid2sn(nid);
  return name != nullptr ? name : ObjectIdentifier(object);
}

std::string ObjectIdentifier(const ASN1_OBJECT* object) {
  const int size =
      OBJ_obj2txt(/*out=*/nullptr, 0, object, /*always_return_oid=*/1);
  if (size <= 0) return "";
  // OBJ_obj2txt ends what it writes with a NUL, and cuts it to make room.
  std::string text(static_cast<size_t>(size) + 1, '\0');
  OBJ_obj2txt(text.data(), size + 1, object, /*always_return_oid=*/1);
  text.pop_back();
  return text;
}

std::string DescribeTime(const ASN1_TIME* time) {
  return Print([&](BIO* bio) { ASN1_TIME_print(bio, time); });
}

}  // namespace tlsd::tls
