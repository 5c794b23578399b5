"""The API on how the library is set up: what other calls name by their codes."""

from typing import Any

from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from library.core.api import ANYONE, ApiViewSet
from policies.models import Branch, ItemType, ReaderCategory


class BranchSerializer(serializers.ModelSerializer):
    """A place with a desk."""

    class Meta:
        model = Branch
        fields = ["code", "name", "address", "phone", "email", "time_zone"]


class ReaderCategorySerializer(serializers.ModelSerializer):
    """What a reader is to the library."""

    class Meta:
        model = ReaderCategory
        fields = ["code", "name", "is_default", "card_months"]


class ItemTypeSerializer(serializers.ModelSerializer):
    """What a copy is for the rules."""

    class Meta:
        model = ItemType
        fields = ["code", "name"]


class BranchViewSet(ListModelMixin, ApiViewSet):
    """Branches."""

    queryset = Branch.objects.all()
    serializer_class = BranchSerializer
    needs = {"list": ANYONE}
    orderings = {"name": ("name", "pk"), "code": ("code",)}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List branches"""
        return super().list(request, *args, **kwargs)


class ReaderCategoryViewSet(ListModelMixin, ApiViewSet):
    """Reader categories."""

    queryset = ReaderCategory.objects.all()
    serializer_class = ReaderCategorySerializer
    needs = {"list": "policies.view_readercategory"}
    orderings = {"name": ("name", "pk"), "code": ("code",)}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List reader categories"""
        return super().list(request, *args, **kwargs)


class ItemTypeViewSet(ListModelMixin, ApiViewSet):
    """Item types."""

    queryset = ItemType.objects.all()
    serializer_class = ItemTypeSerializer
    needs = {"list": "policies.view_itemtype"}
    orderings = {"name": ("name", "pk"), "code": ("code",)}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List item types"""
        return super().list(request, *args, **kwargs)
