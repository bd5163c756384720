/* openapi: the description of the API (OpenAPI 3.1), which is fcgi/openapi.json compiled in: this
 * program opens no files. */
#ifndef FCGI_OPENAPI_H
#define FCGI_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_json[];
extern const size_t openapi_json_size; /* bytes */

#endif
