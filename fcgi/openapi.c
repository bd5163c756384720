#include "fcgi/openapi.h"

const unsigned char openapi_json[] = {
#include "fcgi/openapi.inc"
};

const size_t openapi_json_size = sizeof(openapi_json);
