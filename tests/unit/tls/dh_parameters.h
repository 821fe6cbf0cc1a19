// Diffie-Hellman parameters in PEM, as `openssl dhparam` writes them.
#ifndef TLSD_TESTS_UNIT_TLS_DH_PARAMETERS_H_
#define TLSD_TESTS_UNIT_TLS_DH_PARAMETERS_H_

namespace tlsd::tls {

inline constexpr char kDh512[] =
    "-----BEGIN DH PARAMETERS-----\n"
    "MEYCQQCu8x3sQrMJT3gDWriIgHglr1jeD1Koo8z4JQZVWXYtsuTzi8Pfxe+MaMI+\n"
    "ZWbYS1EbIwRAzIlrL8FY0Vf6gPy/AgEC\n"
    "-----END DH PARAMETERS-----\n";

inline constexpr char kDh1024[] =
    "-----BEGIN DH PARAMETERS-----\n"
    "MIGHAoGBANiRHubxWL+cHXniQUklg+1DJZ+f1HJxW0pAV8NhhcLIH4/lLLjzE9dK\n"
    "7WB95fCXjujWqQnx76TipZ2NG+lGm5n0LS9JEzJ9J+4xFJcX4xb/TbTvcKABNcaM\n"
    "23LiuipO+zPA8kq1Yqc1F7dYTWO0EE9r+z1MCqs0lSIjuShCJ2XnAgEC\n"
    "-----END DH PARAMETERS-----\n";

// ffdhe2048 of RFC 7919.
inline constexpr char kDh2048[] =
    "-----BEGIN DH PARAMETERS-----\n"
    "MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz\n"
    "+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a\n"
    "87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7\n"
    "YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi\n"
    "7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD\n"
    "ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==\n"
    "-----END DH PARAMETERS-----\n";

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_DH_PARAMETERS_H_
