/* macros: loops of headers that cppcheck is not shown, so that it knows them for loops. */
#define TAILQ_FOREACH(item, head, field) \
	for ((item) = (head)->tqh_first; (item) != NULL; (item) = (item)->field.tqe_next)
#define json_array_foreach(array, i, value) \
	for ((i) = 0; (i) < json_array_size(array) && ((value) = json_array_get(array, i)); (i)++)
#define json_object_foreach(object, key, value)                                 \
	for ((key) = json_object_iter_key(json_object_iter(object));            \
	     (key) != NULL && ((value) = json_object_get(object, key)) != NULL; \
	     (key) = json_object_iter_key(json_object_iter_at(object, key)))
